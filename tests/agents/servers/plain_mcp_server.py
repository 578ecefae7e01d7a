"""An MCP server in plain Python, without the SDK: it starts at once, and is of the generation that only knows `initialize`."""

import json
import os
import sys


def tool(name, description, properties=None, **more):
    schema = {"type": "object", "properties": properties or {}, "required": list(properties or {})}
    return {"name": name, "description": description, "inputSchema": schema, **more}


NUMBER, TEXT = {"type": "integer"}, {"type": "string"}
TOOLS = [
    tool("add", "Adds two numbers.", {"a": NUMBER, "b": NUMBER}),
    tool("look", "Looks, and changes nothing.", annotations={"readOnlyHint": True}),
    tool("slow", "Never answers."),
    tool("die", "Ends the whole server."),
    tool("env.get", "Reads a variable of the server's environment.", {"name": TEXT}),
    tool("odd", "Has a broken schema.", {"x": {"type": "nonsense"}}),
]


def call(name, arguments):
    if name == "add":
        return str(arguments["a"] + arguments["b"])
    if name == "env.get":
        return os.environ.get(arguments["name"], "(unset)")
    if name == "die":
        os._exit(3)
    return "seen"


def answer(method, params):
    if method == "initialize":
        info = {"name": "plain", "version": "1"}
        return {
            "protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": info
        }  # fmt: skip
    if method == "tools/list":
        # Two pages, as a server with many tools would give.
        if params.get("cursor") == "rest":
            return {"tools": TOOLS[3:]}
        return {"tools": TOOLS[:3], "nextCursor": "rest"}
    if method == "tools/call":
        if params["name"] == "slow":
            return None
        text = call(params["name"], params.get("arguments") or {})
        return {"content": [{"type": "text", "text": text}], "isError": False}
    raise LookupError(method)


for line in sys.stdin:
    request = json.loads(line)
    if "id" not in request or "method" not in request:
        continue
    reply = {"jsonrpc": "2.0", "id": request["id"]}
    try:
        result = answer(request["method"], request.get("params") or {})
    except LookupError as error:
        reply["error"] = {"code": -32601, "message": f"unknown method {error}"}
    else:
        if result is None:
            continue
        reply["result"] = result
    print(json.dumps(reply), flush=True)
