"""The page's own tests and type check, run by Node where there is one."""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

WEB = Path(__file__).parents[2] / "web"
TESTS = Path(__file__).parent


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node 20 or newer (apt-get install nodejs)")
def test_modules_pass_their_tests_in_node() -> None:
    done = subprocess.run(["node", "--test", *map(str, sorted(TESTS.glob("*.test.mjs")))], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_types_are_sound() -> None:
    compiler = WEB / "node_modules" / ".bin" / "tsc"
    if not compiler.exists() or not shutil.which("node"):
        pytest.skip("needs TypeScript (npm ci in web/)")
    done = subprocess.run([str(compiler), "-p", str(WEB)], capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout


CONSUMER = """
import { connect, HubbubError, RoomsApi, type Voice } from 'hubbub-voice';
const voice: Voice = await connect({ url: 'https://h.example/', room: 'default', name: 'Ann', microphone: false });
voice.on('reply', ({ agent, text, final }) => { const line: string = final ? `${agent}: ${text}` : ''; console.log(line); });
voice.on('playhead', ({ offset }) => console.log(offset.toFixed(0)));
await new RoomsApi({ url: 'https://h.example/' }).changeAgent('default', 'Ava', { muted: true });
// @ts-expect-error there is no such event
voice.on('nonsense', () => {});
// @ts-expect-error there is no such transport
void connect({ url: 'x', transport: 'pigeon' });
void (new HubbubError('refused', 'no') satisfies Error);
"""


PROGRAM = """
import * as sdk from 'hubbub-voice';
const client = new sdk.HubbubClient({ url: 'https://h.example/', WebSocket: class { close() {} } });
client.join().catch((error) => console.log(error.code, Object.keys(sdk).sort().join(' ')));
client.leave();
"""

AMBIENT = """
declare module 'ws' { export const WebSocket: typeof globalThis.WebSocket }
declare const process: { env: Record<string, string | undefined> };
"""
"""What the guides' programs find in Node, as far as they use it: Node's own types and those of `ws` are no dependency of ours."""


def test_the_published_sdk_is_whole_has_types_and_runs(tmp_path: Path) -> None:
    """The package as npm would install it: what is in it, a program in TypeScript and the guides' JavaScript that are checked against it,
    and a program that Node runs."""
    compiler = WEB / "node_modules" / ".bin" / "tsc"
    if not compiler.exists() or not shutil.which("npm"):
        pytest.skip("needs npm and TypeScript (npm ci in web/)")
    sdk = tmp_path / "sdk"
    shutil.copytree(WEB / "sdk", sdk / "sdk", ignore=shutil.ignore_patterns("types"))
    shutil.copy(WEB / "tsconfig.json", sdk)
    made = subprocess.run([str(compiler), "-p", str(sdk / "sdk")], capture_output=True, text=True, timeout=180)
    assert made.returncode == 0, made.stdout
    packed = subprocess.run(
        ["npm", "pack", "--ignore-scripts", "--json", "--pack-destination", str(tmp_path)],
        cwd=sdk / "sdk", capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert packed.returncode == 0, packed.stderr
    tarball = tmp_path / json.loads(packed.stdout)[0]["filename"]
    listed = {file["path"] for file in json.loads(packed.stdout)[0]["files"]}
    modules = {path.relative_to(sdk / "sdk").as_posix() for path in (sdk / "sdk").rglob("*.js") if "types" not in path.parts}
    declared = {f"types/{module.removesuffix('.js')}.d.ts" for module in modules}
    assert listed == modules | declared | {"package.json", "README.md", "LICENSE"}
    assert (WEB / "sdk" / "LICENSE").read_text() == (WEB.parent / "LICENSE").read_text()
    package = tmp_path / "node_modules" / "hubbub-voice"
    package.mkdir(parents=True)
    shutil.unpack_archive(tarball, tmp_path / "unpacked", "gztar")
    shutil.move(tmp_path / "unpacked" / "package", package.parent / "moved")
    package.rmdir()
    (package.parent / "moved").rename(package)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "consumer.ts").write_text(CONSUMER)
    (tmp_path / "ambient.d.ts").write_text(AMBIENT)
    guides = write_blocks(tmp_path)
    assert len(guides) >= 5
    flags = ["--noEmit", "--strict", "--allowJs", "--checkJs", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom"]
    files = ["ambient.d.ts", "consumer.ts", *guides]
    done = subprocess.run([str(compiler), *flags, *files], cwd=tmp_path, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout
    (tmp_path / "program.js").write_text(PROGRAM)
    ran = subprocess.run(["node", "program.js"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    code, *names = ran.stdout.split()
    assert code == "unreachable", "who leaves while it joins"
    assert {"HubbubClient", "OperatorApi", "RoomsApi", "Voice", "connect"} <= set(names)


def write_blocks(folder: Path) -> list[str]:
    """The guides' JavaScript, a file a block, as programs that import the installed package; their names."""
    names = []
    for page in (*sorted((WEB.parent / "docs").rglob("*.md")), WEB.parent / "README.md", WEB / "README.md", WEB / "sdk" / "README.md"):
        for number, found in enumerate(re.finditer(r"^```(?:js|javascript|mjs)\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)):
            name = f"{page.parent.name}-{page.stem}-{number}.mjs"
            (folder / name).write_text(found[1].replace("'./sdk/index.js'", "'hubbub-voice'"))
            names.append(name)
    return names


def test_lock_file_names_no_registry() -> None:
    lock = json.loads((WEB / "package-lock.json").read_text())
    assert all("resolved" not in package for package in lock["packages"].values())
    assert all("integrity" in package for name, package in lock["packages"].items() if name)


def test_vendored_files_are_those_of_the_lock_file() -> None:
    lock = json.loads((WEB / "package-lock.json").read_text())["packages"]
    vendored = json.loads((WEB / "vendor" / "vendored.json").read_text())
    licences = (WEB / "vendor" / "LICENCES.txt").read_text()
    known = {"vendored.json", "LICENCES.txt", "qrcode.d.ts"}
    for name, what in vendored.items():
        assert lock[f"node_modules/{name}"]["version"] == what["version"], f"{name}: npm ci && npm run vendor"
        assert f"== {name} {what['version']}: {what['licence']} ==" in licences
        for file, digest in what["files"].items():
            assert hashlib.sha256((WEB / "vendor" / file).read_bytes()).hexdigest() == digest, f"{file} was changed by hand"
            known.add(file)
    assert {path.name for path in (WEB / "vendor").iterdir()} == known


def test_page_loads_nothing_from_elsewhere_and_has_no_inline_code() -> None:
    html = (WEB / "index.html").read_text()
    assert "://" not in html.replace("http-equiv", "")
    assert "<style" not in html
    assert " style=" not in html
    assert " on" not in {part[:3] for part in html.replace("\n", " ").split('"')}
    assert all("src=" in tag for tag in html.split("<script")[1:])


def test_no_module_writes_markup() -> None:
    own = [path for path in WEB.rglob("*.js") if not {"node_modules", "vendor"} & set(path.parts)]
    assert len(own) > 15
    for path in own:
        code = path.read_text()
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
            assert word not in code, f"{path.name} uses {word}"
