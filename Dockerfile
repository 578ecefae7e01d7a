# A server with its offline engines: no key and no network needed at run time.
FROM python:3.13-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/hubbub && /opt/hubbub/bin/pip install --no-cache-dir --upgrade pip "setuptools>=77" wheel
COPY pyproject.toml setup.py README.md LICENSE ./
COPY hubbub hubbub
COPY agents agents
COPY voice voice
COPY web web
RUN /opt/hubbub/bin/pip install --no-cache-dir --no-build-isolation ".[offline,openai,dashscope]" \
    # Only the ONNX files of these wheels are used; their dependencies are 5 GB.
    && /opt/hubbub/bin/pip install --no-cache-dir --no-deps silero-vad 'openwakeword<0.5' \
    # Of this one only the network is used; there is none for every machine, and then pocketsphinx recognises.
    && (/opt/hubbub/bin/pip install --no-cache-dir --no-deps moonshine-voice==0.0.49 || true) \
    # openwakeword's wake words are not for commercial use and stay out of the image; the two files that are used are free (docs/turn-taking.md).
    && find /opt/hubbub -path '*/openwakeword/resources/models/*_v*.onnx' -delete

FROM python:3.13-slim-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends espeak-ng \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 hubbub
COPY --from=build /opt/hubbub /opt/hubbub
ENV PATH=/opt/hubbub/bin:$PATH PYTHONUNBUFFERED=1
USER hubbub
WORKDIR /home/hubbub
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
# Inside the container all addresses: it needs a key (-e HUBBUB_SERVER_KEY=…), or --open where only trusted machines reach it.
ENTRYPOINT ["hubbub", "serve", "--host", "0.0.0.0"]
