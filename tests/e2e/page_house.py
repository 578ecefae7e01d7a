"""Runs a whole server for the page's end-to-end tests: offline engines, the embedded model, a free port. Prints its address.

`python page_house.py [FOLDER]`: every session is recorded into the folder, if one is named. With HUBBUB_SERVER_KEY it is locked.
"""

import asyncio
import os
import sys
from pathlib import Path

from hubbub.voice.config import ModelConfig, default_config
from hubbub.voice.server import run


def main() -> int:
    config = default_config()
    engines = config.engines.model_copy(update={"model": ModelConfig(provider="embedded")})
    config = config.model_copy(update={"engines": engines})
    if os.environ.get("HUBBUB_SERVER_KEY"):
        access = config.server.access.model_copy(update={"open": False})
        config = config.model_copy(update={"server": config.server.model_copy(update={"access": access})})
    return asyncio.run(
        run(
            config,
            host="127.0.0.1",
            port=0,
            log_level="warning",
            record=Path(sys.argv[1]) if len(sys.argv) > 1 else None,
            on_ready=lambda host, port: print(f"http://{host}:{port}", flush=True),
        )
    )


if __name__ == "__main__":
    sys.exit(main())
