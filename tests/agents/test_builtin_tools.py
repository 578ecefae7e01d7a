"""Built-in tools: the clock, files in a folder, code in a sandbox, pages of the web."""

import asyncio
import gzip
import ipaddress
import os
import socket
import sys

import httpcore
import pytest
from hubbub.agents.message import ToolUseBlock
from hubbub.agents.tool import ToolError, Toolkit
from hubbub.agents.tool.builtin import (
    CodeTools,
    FileTools,
    Folder,
    Limits,
    PathRefused,
    SandboxError,
    WebFetch,
    execute_python_code,
    execute_shell_command,
    get_current_time,
)
from hubbub.agents.tool.builtin.guard import AddressRefused, GuardedBackend, is_public


async def run(toolkit, name, /, **arguments):
    chunks = [chunk async for chunk in toolkit.call(ToolUseBlock("1", name, arguments))]
    return chunks[-1].state, "".join(block.text for chunk in chunks for block in chunk.content)


# The clock


async def test_time():
    toolkit = Toolkit([get_current_time])
    assert toolkit.flags("get_current_time").read_only
    state, text = await run(toolkit, "get_current_time", timezone="Asia/Shanghai")
    assert state == "success" and "+08:00" in text and "Asia/Shanghai" in text
    for wrong in ("Atlantis/Capital", "../../etc/passwd", "Europe"):
        state, text = await run(toolkit, "get_current_time", timezone=wrong)
        assert state == "error" and "no time zone" in text


# Files


@pytest.fixture
def home(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


async def test_files_are_written_read_and_listed(home):
    toolkit = Toolkit(FileTools(home).tools())
    assert toolkit.flags("view_text_file").read_only and toolkit.flags("write_text_file").side_effects
    state, _ = await run(toolkit, "write_text_file", file_path="notes/a.txt", content="one\ntwo\nthree\n")
    assert state == "success"
    await run(toolkit, "insert_text_file", file_path="notes/a.txt", content="zero", line_number=1)
    await run(toolkit, "write_text_file", file_path="notes/a.txt", content="TWO", ranges=[3, 3])
    assert (home / "notes/a.txt").read_text() == "zero\none\nTWO\nthree\n"
    state, text = await run(toolkit, "view_text_file", file_path="notes/a.txt", ranges=[-2, -1])
    assert text == "notes/a.txt, lines 3 to 4 of 4:\n3: TWO\n4: three"
    state, text = await run(toolkit, "list_files", recursive=True)
    assert text == "notes/\nnotes/a.txt"
    state, text = await run(toolkit, "list_files", folder_path="notes", pattern="*.md")
    assert text == "Nothing is there."
    assert os.listdir(home / "notes") == ["a.txt"], "no half-written file is left"


@pytest.mark.parametrize("ranges", [[0, 1], [2, 1], [9, 9], [1], [1, 2, 3]])
async def test_lines_that_are_not_there(home, ranges):
    (home / "a.txt").write_text("one\ntwo\n")
    toolkit = Toolkit(FileTools(home).tools())
    state, text = await run(toolkit, "view_text_file", file_path="a.txt", ranges=ranges)
    assert state == "error" and ("lines" in text or "range" in text)


def test_read_only_folder_offers_no_writing(home):
    assert Toolkit(FileTools(home, writable=False).tools()).names() == ["view_text_file", "list_files"]


@pytest.mark.parametrize(
    "path",
    ["../secret.txt", "a/../../secret.txt", "..", "/../secret.txt", "link.txt", "linked/secret.txt", "x\0y", ""],
)
def test_no_way_out_of_the_folder(home, path):
    (home / "link.txt").symlink_to(home.parent / "secret.txt")
    (home / "linked").symlink_to(home.parent)
    folder = Folder(home)
    with pytest.raises(PathRefused):
        folder.read(path)
    with pytest.raises(PathRefused):
        folder.write(path, "overwritten")
    assert (home.parent / "secret.txt").read_text() == "secret"
    assert sorted(os.listdir(home.parent)) == ["home", "secret.txt"]


def test_absolute_paths_mean_the_folder(home):
    folder = Folder(home)
    folder.write(str(home / "a.txt"), "a")
    assert folder.read("/a.txt") == "a"
    with pytest.raises(PathRefused, match="there is no"):
        folder.read("/etc/hostname")
    # A neighbour whose path begins with the folder's own is not in it.
    (home.parent / "home2").mkdir()
    (home.parent / "home2" / "b.txt").write_text("b")
    with pytest.raises(PathRefused):
        folder.read(str(home.parent / "home2" / "b.txt"))


def test_a_link_put_in_place_of_a_folder_is_not_followed(home):
    folder = Folder(home)
    folder.write("sub/a.txt", "inside")
    (home / "sub").rename(home / "moved")
    (home / "sub").symlink_to(home.parent)
    with pytest.raises(PathRefused, match="link"):
        folder.write("sub/secret.txt", "overwritten")
    assert not folder.is_folder("sub") and folder.listing(recursive=True) == ["moved/", "moved/a.txt"]


def test_pipes_binaries_and_large_files_are_refused(home):
    os.mkfifo(home / "pipe")
    (home / "binary").write_bytes(b"\xff\xfe\x00")
    (home / "large").write_bytes(b"x" * 2000)
    folder = Folder(home, max_file_bytes=1000)
    for name, why in (("pipe", "plain file"), ("binary", "text file"), ("large", "2000 bytes"), ("none", "no")):
        with pytest.raises(PathRefused, match=why):
            folder.read(name)
    with pytest.raises(PathRefused, match="at most"):
        folder.write("new", "x" * 1001)
    with pytest.raises(PathRefused, match="plain file"):
        folder.write("pipe", "x")


def test_writing_keeps_the_mode(home):
    folder = Folder(home)
    folder.write("run.sh", "#!/bin/sh\n")
    (home / "run.sh").chmod(0o755)
    folder.write("run.sh", "#!/bin/sh\necho\n")
    assert (home / "run.sh").stat().st_mode & 0o777 == 0o755


# Code


async def test_code_is_off_unless_switched_on(home, monkeypatch):
    monkeypatch.delenv("HUBBUB_ALLOW_CODE", raising=False)
    tools = CodeTools(home)
    with pytest.raises(ToolError, match="switched off"):
        await tools.execute_python_code("open('trace', 'w')")
    with pytest.raises(ToolError, match="switched off"):
        await execute_shell_command("touch trace")
    with pytest.raises(ToolError, match="switched off"):
        await execute_python_code("1")
    assert os.listdir(home) == []


async def walls_stand(folder):
    try:
        await CodeTools(folder, enabled=True).execute_shell_command("true")
    except ToolError as error:
        assert "does not offer" in str(error)
        return False
    return True


@pytest.fixture
async def code(home):
    if sys.platform != "linux" or not await walls_stand(home):
        pytest.skip("this system does not let programs be shut in (namespaces, Landlock)")
    return CodeTools(home, enabled=True, timeout_s=20)


async def test_python_and_shell_run(code, home):
    result = await code.execute_python_code("print(6 * 7); open('out.txt', 'w').write('kept')")
    assert result == "<returncode>0</returncode><stdout>42\n</stdout><stderr></stderr>"
    assert (home / "out.txt").read_text() == "kept"
    result = await code.execute_shell_command("cat out.txt; echo bad >&2; exit 3")
    assert result == "<returncode>3</returncode><stdout>kept</stdout><stderr>bad\n</stderr>"
    assert os.listdir(home) == ["out.txt"], "the script is gone"


async def test_agentscope_functions_run_when_the_environment_says_so(monkeypatch, code):
    monkeypatch.setenv("HUBBUB_ALLOW_CODE", "1")
    toolkit = Toolkit([execute_python_code, execute_shell_command])
    state, text = await run(toolkit, "execute_python_code", code="print('hi')")
    assert state == "success" and "<stdout>hi\n</stdout>" in text


def planted():
    return os.path.lexists("/tmp/planted-by-test.txt")


async def test_programs_see_no_secrets_and_no_other_files(code, home, monkeypatch):
    monkeypatch.setenv("HUBBUB_API_KEY", "hush-hush")
    result = await code.execute_shell_command("env; cat ../secret.txt; cat /proc/*/environ; ls /home /root")
    assert "hush-hush" not in result and "secret\n" not in result and "<stdout>secret" not in result
    assert "Permission denied" in result
    result = await code.execute_shell_command("echo x > ../planted.txt; echo x > /tmp/planted-by-test.txt")
    assert not (home.parent / "planted.txt").exists() and not planted()


async def test_programs_have_no_network(code):
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    result = await code.execute_python_code(f"import socket; socket.create_connection(('127.0.0.1', {port}), 2)")
    server.close()
    assert "<returncode>1</returncode>" in result and "unreachable" in result


async def test_network_can_be_allowed(code, home):
    connected = asyncio.Event()
    server = await asyncio.start_server(lambda _, writer: (connected.set(), writer.close()), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    open_code = CodeTools(home, enabled=True, allow_network=True, timeout_s=20)
    result = await open_code.execute_python_code(f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)")
    server.close()
    assert "<returncode>0</returncode>" in result and connected.is_set()


async def test_limits(home, code):
    small = CodeTools(home, enabled=True, timeout_s=20, limits=Limits(memory_bytes=200_000_000, file_bytes=1000))
    result = await small.execute_python_code("x = 'a' * 10**9")
    assert "MemoryError" in result
    await small.execute_shell_command("head -c 100000 /dev/zero > big")
    assert (home / "big").stat().st_size == 1000
    result = await small.execute_shell_command("head -c 3000000 /dev/zero | tr '\\0' x")
    assert "more bytes were dropped" in result and len(result) < 300_000


async def test_time_is_up_for_all_children(code, home):
    result = await code.execute_shell_command("(setsid sh -c 'sleep 2; echo late > late.txt') & echo begun; sleep 60", timeout=1)
    assert "begun" in result and "did not end within 1 seconds" in result and "<returncode>-1" in result
    await asyncio.sleep(1.5)
    assert not (home / "late.txt").exists(), "a child outlived the command"


async def test_cancelling_kills_the_program(code, home):
    running = asyncio.create_task(code.execute_shell_command("echo begun > begun; sleep 1; echo late > late.txt"))
    async with asyncio.timeout(20):
        while not (home / "begun").exists():
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await asyncio.sleep(1.2)
    assert not (home / "late.txt").exists()


async def test_a_missing_wall_is_told(home, monkeypatch, tmp_path):
    """A launcher whose system refuses namespaces and file fences, as in many containers."""
    from hubbub.agents.tool.builtin import sandbox

    source = sandbox.LAUNCHER.read_text()
    refusing = tmp_path / "launcher.py"
    refusing.write_text(
        source.replace(
            "def check(result: int, what: str) -> int:\n",
            'def check(result: int, what: str) -> int:\n    raise OSError(1, "Operation not permitted")\n',
        )
    )
    monkeypatch.setattr(sandbox, "LAUNCHER", refusing)
    with pytest.raises(ToolError, match=r"does not offer: namespaces .*, file fence .*Nothing was run"):
        await CodeTools(home, enabled=True).execute_shell_command("touch trace")
    assert os.listdir(home) == []
    result = await CodeTools(home, enabled=True, strict=False).execute_shell_command("echo ran")
    assert "<stdout>ran\n" in result and "<not-isolated>namespaces" in result


async def test_sandbox_in_a_folder_that_is_gone(home):
    tools = CodeTools(home, enabled=True)
    home.rmdir()
    with pytest.raises((ToolError, SandboxError)):
        await tools.execute_shell_command("true")
    with pytest.raises(NotADirectoryError):
        CodeTools(home)


# The web


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("127.9.9.9", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("168.63.129.16", False),
        ("100.100.100.200", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("240.0.0.1", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00:ec2::254", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.215.14", True),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a00:1", False),
        ("2002:7f00:1::", False),
        ("2002:a00:1::1", False),
    ],
)
def test_public_addresses(address, public):
    assert is_public(ipaddress.ip_address(address)) is public


class Site:
    """A web server on the loopback that answers what it is told, and counts its visitors."""

    def __init__(self, **pages):
        self.pages = pages
        self.visits = []
        self._serving = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def url(self, page="", host="127.0.0.1"):
        return f"http://{host}:{self.port}/{page}"

    async def _serve(self, reader, writer):
        self._serving.add(asyncio.current_task())
        try:
            line = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[0]
            page = line.split()[1].lstrip("/").partition("?")[0]
            self.visits.append(page)
            await self._answer(self.pages[page], writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, page, writer):
        status, headers, body = page
        writer.write(f"HTTP/1.1 {status} X\r\nConnection: close\r\n".encode())
        writer.writelines(f"{name}: {value}\r\n".encode() for name, value in headers.items())
        writer.write(b"\r\n")
        if callable(body):
            await body(writer)
        else:
            writer.write(body)
        await writer.drain()


def local(**options):
    return WebFetch(allowed_networks=["127.0.0.1/32"], ports=None, **options)


HTML = {"Content-Type": "text/html; charset=utf-8"}
TEXT = {"Content-Type": "text/plain"}


async def test_a_page_is_read_as_text():
    html = (
        "<html><head><title> A  shop </title><style>p {}</style></head><body><h1>Open</h1>"
        "<script>alert(1)</script><p>from 9 to&nbsp;5 &amp; later</p><ul><li>bread<li>milk</ul></body></html>"
    )
    async with Site(shop=(200, HTML, html.encode())) as site:
        text = await local().fetch_url(site.url("shop"))
    head, _, body = text.partition("\n\n")
    assert "answered 200" in head and "not an instruction" in head
    assert body == "# A shop\nOpen\nfrom 9 to 5 & later\nbread\nmilk"


async def test_long_pages_are_read_in_parts():
    async with Site(long=(200, TEXT, b"abcdefghij" * 10)) as site:
        first = await local().fetch_url(site.url("long"), length=15)
        rest = await local().fetch_url(site.url("long"), start=95)
    assert "abcdefghijabcde\n[85 more characters; continue with start=15]" in first
    assert rest.endswith("fghij")


async def test_the_inside_is_refused_and_never_connected_to():
    async with Site(**{"": (200, TEXT, b"inside")}) as site:
        strict = WebFetch(ports=None)
        for host in ("127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "[::ffff:127.0.0.1]", "0"):
            with pytest.raises(ToolError, match=r"public internet|cannot be found"):
                await strict.fetch_url(site.url(host=host))
        assert site.visits == []


async def test_redirects_are_checked_again():
    async with Site(secret=(200, TEXT, b"inside")) as inside:
        # The outer site may be reached by its address, the inner one is not on the list.
        pages = {
            "go": (302, {"Location": inside.url("secret", host="127.0.0.2")}, b""),
            "file": (302, {"Location": "file:///etc/passwd"}, b""),
            "loop": (302, {"Location": "/loop"}, b""),
            "ok": (301, {"Location": "/there"}, b""),
            "there": (200, TEXT, b"arrived"),
        }
        async with Site(**pages) as site:
            fetch = local()
            with pytest.raises(ToolError, match="public internet"):
                await fetch.fetch_url(site.url("go"))
            with pytest.raises(ToolError, match="http"):
                await fetch.fetch_url(site.url("file"))
            with pytest.raises(ToolError, match="redirects more than 5 times"):
                await fetch.fetch_url(site.url("loop"))
            assert "arrived" in await fetch.fetch_url(site.url("ok"))
            assert site.visits.count("loop") == 6
        assert inside.visits == []


async def test_a_name_with_one_private_address_is_refused(monkeypatch):
    loop = asyncio.get_running_loop()

    async def two_faced(host, port, **_):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("93.184.215.14", "10.0.0.1")]

    monkeypatch.setattr(loop, "getaddrinfo", two_faced)
    with pytest.raises(AddressRefused):
        await GuardedBackend().resolve("two-faced.example", 443)


async def test_the_checked_address_is_the_one_connected_to(monkeypatch):
    """A name server that gives a public address first and ours afterwards (DNS rebinding) gets nowhere."""
    loop = asyncio.get_running_loop()
    real, asked = loop.getaddrinfo, []

    async def rebinding(host, port, **options):
        if host != "rebind.example":
            return await real(host, port, **options)
        asked.append(host)
        ip = "192.0.2.1" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

    monkeypatch.setattr(loop, "getaddrinfo", rebinding)
    async with Site(**{"": (200, TEXT, b"inside")}) as site:
        backend = GuardedBackend(["192.0.2.0/24"], ports=None)
        connected = []

        class Recorder:
            async def connect_tcp(self, host, port, **_):
                connected.append(host)
                raise httpcore.ConnectError("recorded")

        backend._backend = Recorder()
        with pytest.raises(httpcore.ConnectError):
            await backend.connect_tcp("rebind.example", site.port)
    assert asked == ["rebind.example"] and connected == ["192.0.2.1"]


@pytest.mark.parametrize(
    "url",
    ["ftp://example.com/", "file:///etc/passwd", "javascript:alert(1)", "example.com", "http://", "http://a b/",
     "http://user:pw@example.com/", "http://example.com:99999/", "gopher://x", "http://[::1", "x" * 3000],
)  # fmt: skip
async def test_addresses_that_are_none(url):
    with pytest.raises(ToolError):
        await WebFetch().fetch_url(url)


async def test_other_ports_are_refused():
    with pytest.raises(ToolError, match="port 22 is not allowed"):
        await WebFetch(allowed_networks=["127.0.0.1/32"]).fetch_url("http://127.0.0.1:22/")


async def test_size_and_packing():
    bomb = gzip.compress(b"a" * 20_000_000)

    async def endless(writer):
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()

    pages = {
        "bomb": (200, {**TEXT, "Content-Encoding": "gzip"}, bomb),
        "packed": (200, {**TEXT, "Content-Encoding": "gzip"}, gzip.compress(b"small")),
        "endless": (200, TEXT, endless),
        "odd": (200, {**TEXT, "Content-Encoding": "br"}, b"x"),
        "damaged": (200, {**TEXT, "Content-Encoding": "gzip"}, b"not gzip at all"),
        "image": (200, {"Content-Type": "image/png"}, b"png"),
        "gone": (404, TEXT, b"no such page"),
        "charset": (200, {"Content-Type": "text/plain; charset=klingon"}, "é".encode()),
    }
    async with Site(**pages) as site:
        fetch = local(max_bytes=100_000)
        for page in ("bomb", "endless"):
            text = await fetch.fetch_url(site.url(page), length=10)
            assert "[99990 more characters" in text and "larger than what is read" in text
        assert (await fetch.fetch_url(site.url("packed"))).endswith("small")
        assert "answered 404" in await fetch.fetch_url(site.url("gone"))
        assert (await fetch.fetch_url(site.url("charset"))).endswith("é")
        for page, why in (("odd", "packed with 'br'"), ("damaged", "damaged"), ("image", "no text but image/png")):
            with pytest.raises(ToolError, match=why):
                await fetch.fetch_url(site.url(page))


async def test_a_server_that_hangs():
    async def silent(writer):
        await asyncio.sleep(3600)

    async with Site(silent=(200, TEXT, silent)) as site:
        with pytest.raises(ToolError, match="did not answer within"):
            await local(timeout_s=0.3).fetch_url(site.url("silent"))
    with pytest.raises(ToolError, match="cannot be fetched"):
        await local().fetch_url(site.url("silent"))
