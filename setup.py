"""Maps the checkout's top-level folders to the packages they are imported as.

`voice/` is imported as `hubbub.voice` and `agents/` as `hubbub.agents`: names as common as `voice` and `agents` would
collide with other distributions if they were installed at top level. The list of packages is read from the folders
(every folder with an `__init__.py`), so that a new folder cannot be forgotten; a test checks the result.
"""

from pathlib import Path

from setuptools import setup

HERE = Path(__file__).parent
ROOTS = {"hubbub": "hubbub", "agents": "hubbub.agents", "voice": "hubbub.voice", "web": "hubbub.web"}

package_dir: dict[str, str] = {}
for folder, package in ROOTS.items():
    for init in sorted((HERE / folder).rglob("__init__.py")):
        relative = init.parent.relative_to(HERE / folder)
        package_dir[".".join([package, *relative.parts])] = str(init.parent.relative_to(HERE))

setup(
    packages=sorted(package_dir),
    package_dir=package_dir,
    package_data={
        "hubbub": ["py.typed"],
        "hubbub.voice.asr": ["*.npz"],
        "hubbub.web": ["*.html", "**/*.js", "**/*.css", "**/*.svg", "**/*.woff2", "vendor/LICENCES.txt", "vendor/vendored.json"],
    },
    exclude_package_data={"hubbub.web": ["node_modules/**"]},
    include_package_data=False,
)
