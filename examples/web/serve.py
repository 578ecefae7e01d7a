"""A page of your own beside Hubbub: `python examples/web/serve.py`, then open the address it prints.

The page is `index.html` and `main.js` in this folder; the server gives it the SDK under /static/sdk. Nothing needs a key.
"""

import sys
from pathlib import Path

import uvicorn
from hubbub.voice.config import default_config
from hubbub.voice.house import House
from hubbub.voice.server import create_app
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles


def main(port: int) -> None:
    app = create_app(House(default_config()))
    app.router.routes.append(Mount("/mine", StaticFiles(directory=Path(__file__).parent, html=True)))
    print(f"open http://127.0.0.1:{port}/mine/", flush=True)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", ws="websockets-sansio")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
