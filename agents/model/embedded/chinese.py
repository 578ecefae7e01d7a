"""The same small conversation in Chinese, for those who type: the offline recogniser understands only English."""

import re
from fractions import Fraction

from .conversation import Turn, name_in
from .numbers import HAN_NUMBER, Number, is_spoken_exactly, read_han, say_han

_WEEKDAYS = "一二三四五六日"
_PARTS_OF_DAY = ((5, "凌晨"), (9, "早上"), (12, "上午"), (13, "中午"), (18, "下午"), (24, "晚上"))
_SIGNS = {"加": "+", "加上": "+", "+": "+", "减": "-", "减去": "-", "-": "-", "乘": "*", "乘以": "*", "*": "*", "×": "*", "x": "*",
          "除以": "/", "/": "/", "÷": "/"}  # fmt: skip
_SPOKEN = {"+": "加", "-": "减", "*": "乘以", "/": "除以"}
_STORIES = (
    "从前，海边有一座小小的灯塔，守塔的老人叫阿海。每天傍晚，他都要爬上一百级台阶，擦亮玻璃，点起灯。夜里，船一艘一艘从远处开过，"
    "从来没有一艘停下来。有一年秋天，来了一场大风暴，第三天夜里，风吹碎了窗户，灯灭了。阿海怎么也点不着，火柴全湿了。于是他从厨房里"
    "拿出一口旧铜钟，抱上塔顶，一下一下地敲，一直敲到天亮。早上，海面平静了，门口的石头边停着一条小船，船长坐在台阶上对他说：我们看不见"
    "你，可是我们听见了你。从那以后，每艘经过的船都会停一停，拉响汽笛。阿海也敲一敲钟，回答他们。故事讲完了。",
    "从前有一只小狐狸，在雪地里捡到一面镜子。她以为玻璃后面住着另一只狐狸。她鞠了一躬，那只狐狸也鞠了一躬；她龇了龇牙，那只狐狸也龇了龇牙。"
    "真没礼貌，小狐狸想，就跑去找老獾告状。老獾慢慢地问：你先做了什么？我鞠了一躬，然后龇了牙。老獾说：那你明天再去，只鞠躬就好。"
    "第二天，小狐狸又去了，她只鞠了一躬，笑了一笑。镜子里的狐狸也笑了，那是她见过的最亲切的笑脸。整个冬天，她每天都去。故事讲完了。",
)


def answer(turn: Turn) -> str:
    """Answers a line in Chinese."""
    said = re.sub(r"[\s，。！？、；：,.!?;:]", "", turn.text)
    for rule in (_about_the_talk, _about_me, _clock, _count, _sum, _story, _memory, _manners, _games):
        reply = rule(turn, said)
        if reply:
            return reply
    hints = ("“现在几点”，或者“数到十”", "“讲个故事”，或者“十二乘以七等于多少”", "“你是谁”，或者“今天星期几”")
    return f"我没有听懂。您可以说{hints[turn.count_of_mine() % len(hints)]}。"


def _about_the_talk(turn: Turn, said: str) -> str | None:
    cut = turn.talk.interrupted()
    if re.search(r"(?:说|数|讲)到(?:哪|多少|几)|听到哪", said):
        if cut is None:
            return "我已经说完了，没有被打断。"
        heard = cut.text.strip("，。、,.; ")
        return f"说到“{re.split('[，。、,;；]', heard)[-1][-12:]}”。" if heard else "您还什么都没有听到。"
    if re.fullmatch(r"(?:请|好的?)?(?:继续|接着)(?:说|讲|数|吧)*|说下去|往下说", said):
        return cut.unheard.strip() if cut and cut.unheard else "没有要继续的内容，我已经说完了。"
    if re.fullmatch(r"停|停下|停下来|别说了|别数了|别讲了|安静|够了", said):
        return "好，我停下了。"
    if re.fullmatch(r"等一下|等等|稍等|等一等", said):
        return "您慢慢来。"
    if re.search(r"再说一(?:遍|次)|重复一(?:遍|下)|没听清|你(?:刚才)?说什么", said):
        last = turn.talk.last_of_mine
        return last.whole if last else "我还什么都没有说。"
    if re.search(r"还有谁|谁在|有谁|几个人", said):
        others = turn.talk.others(turn.speaker)
        return f"除了您和我，我还听到过{'、'.join(others)}。" if others else "这里我只听到过您和我。"
    return None


def _about_me(turn: Turn, said: str) -> str | None:
    if re.search(r"你是谁|你叫什么|你是什么|你的名字|你是不是|你是机器人|你是人|介绍.*自己", said):
        me = f"我是{turn.talk.me}，" if turn.talk.me else "我是"
        return f"{me}一个按规则回答的小程序，不是语言模型。我只听得懂简单的话。"
    if re.search(r"你会什么|你能做什么|你会做什么|帮助|你能干什么|怎么用", said):
        return "我会报时间和日期，会算数，会数数，会讲故事，也会记住您的名字和您告诉我的事。"
    return None


def _clock(turn: Turn, said: str) -> str | None:
    now = turn.now
    if re.search(r"几点|什么时间|什么时候了|时间是", said):
        part = next(word for end, word in _PARTS_OF_DAY if now.hour < end)
        minutes = "整" if now.minute == 0 else ("零" if now.minute < 10 else "") + say_han(now.minute) + "分"
        hour = now.hour if now.hour <= 12 else now.hour - 12
        return f"现在是{part}{'两' if hour == 2 else say_han(hour)}点{minutes}。"
    if re.search(r"星期几|周几|礼拜几|几月几|几号|什么日子|日期", said):
        return f"今天是{now.year}年{now.month}月{now.day}日，星期{_WEEKDAYS[now.weekday()]}。"
    return None


def _count(turn: Turn, said: str) -> str | None:
    found = re.search(rf"(?:从({HAN_NUMBER}))?(倒)?数到({HAN_NUMBER})", said)
    down = re.search(rf"倒数(?:从?({HAN_NUMBER}))?", said)
    if found:
        first, last = int(read_han(found[1])) if found[1] else 1, int(read_han(found[3]))
    elif down:
        first, last = int(read_han(down[1])) if down[1] else 10, 0
    elif re.search(r"数数|数个数", said):
        first, last = 1, 10
    else:
        return None
    if abs(last - first) > 200:
        return "这太多了，我一次最多数两百个数。"
    step = 1 if last >= first else -1
    return "，".join(say_han(number) for number in range(first, last + step, step)) + "。"


def _sum(turn: Turn, said: str) -> str | None:
    found = re.search(rf"({HAN_NUMBER})(加上|加|减去|减|乘以|乘|除以|[-+*/×÷x])({HAN_NUMBER})", said)
    if not found:
        return None
    left, sign, right = read_han(found[1]), _SIGNS[found[2]], read_han(found[3])
    if sign == "/" and right == 0:
        return "零不能做除数。"
    value = _value(left, sign, right)
    if not -(10**8) < value < 10**8:
        return "这个数太大了，我说不出来。"
    about = "" if is_spoken_exactly(value) else "大约"
    return f"{say_han(left)}{_SPOKEN[sign]}{say_han(right)}{about}等于{say_han(value)}。"


def _value(left: Number, sign: str, right: Number) -> Number:
    if sign == "/":
        return Fraction(left) / right
    return left + right if sign == "+" else left - right if sign == "-" else left * right


def _story(turn: Turn, said: str) -> str | None:
    if not re.search(r"故事|再来一个|再讲一个", said) or re.search(r"不要|别", said):
        return None
    told = sum(line.whole in _STORIES for line in turn.talk.lines if line.mine)
    return _STORIES[told % len(_STORIES)]


def _memory(turn: Turn, said: str) -> str | None:
    if re.search(r"我叫什么|我的名字是什么|我是谁", said):
        return f"您叫{turn.caller}。" if turn.caller else "您还没有告诉我您的名字。您叫什么名字？"
    last = turn.talk.last_of_mine
    name = name_in(turn.text, last is not None and last.text.endswith("名字？"))
    if name:
        return f"您好，{name}，很高兴认识您。"
    asked = re.fullmatch(r"我(?:的)?(.+?)(?:是|叫)(?:什么|谁|多少|哪里|哪儿)", said)
    facts = {what: value for line in turn.talk.said_by(turn.speaker) if (fact := _fact(line.text)) for what, value in [fact]}
    if asked:
        return f"{_yours(asked[1])}是{facts[asked[1]]}。" if asked[1] in facts else "您还没有告诉我。"
    fact = _fact(turn.text)
    return f"好，我记住了，{_yours(fact[0])}是{fact[1]}。" if fact else None


def _yours(what: str) -> str:
    return f"您{'' if '的' in what else '的'}{what}"


def _fact(text: str) -> tuple[str, str] | None:
    found = re.fullmatch(r"(?:请?记住)?我(?:的)?(?P<what>[^是叫]+?)(?:是|叫)(?P<value>.+)", re.sub(r"[\s，。！,.!]", "", text))
    if not found or re.search(r"什么|谁|多少|哪|？|\?|吗", found["value"]) or found["what"] in ("名字", ""):
        return None
    return found["what"], found["value"]


def _manners(turn: Turn, said: str) -> str | None:
    if re.search(r"谢谢|多谢|感谢", said):
        return "不客气。"
    if re.search(r"再见|拜拜|晚安", said):
        return f"再见{'，' + turn.caller if turn.caller else ''}。"
    if re.search(r"你好吗|怎么样", said):
        return "我是程序，没有心情，不过一切运行正常。"
    if re.search(r"你好|您好|早上好|下午好|晚上好|在吗|喂|嗨", said):
        return f"您好，{turn.caller}。" if turn.caller else "您好，我是一个按规则回答的小程序。您叫什么名字？"
    if re.search(r"天气", said):
        return "我这里没有天气预报，所以说不上来。"
    return None


def _games(turn: Turn, said: str) -> str | None:
    if re.search(r"骰子|色子", said):
        return f"您掷出了{say_han(turn.chance.randint(1, 6))}点。"
    if re.search(r"硬币", said):
        return f"是{turn.chance.choice(('正面', '反面'))}。"
    if re.search(r"布鲁克林", said):
        return "布鲁克林大桥是1883年5月24日通车的。"
    return None
