"""Runs a whole server for the page's end-to-end tests: offline engines, the embedded model, a free port. Prints its address.

`python page_house.py [FOLDER]`: every session is recorded into the folder, if one is named.
"""

import asyncio
import sys
from pathlib import Path

from hubbub.voice.config import ModelConfig, default_config
from hubbub.voice.server import run


def main() -> int:
    config = default_config()
    engines = config.engines.model_copy(update={"model": ModelConfig(provider="embedded")})
    config = config.model_copy(update={"engines": engines})
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
