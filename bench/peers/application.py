"""The applications of the modes for Python: a greeting, and for a POST of JSON some JSON about it."""

import json

GREETING = b"greeting!!!"


def reply(content):
    asked = json.loads(content)
    total = sum(item["price"] * item["count"] for item in asked["items"])
    return json.dumps({"id": asked["id"], "user": asked["user"], "count": len(asked["items"]), "total": total, "ok": True}).encode()


def wsgi(environ, start_response):
    if environ["REQUEST_METHOD"] == "POST":
        kind, body = "application/json", reply(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    else:
        kind, body = "text/plain", GREETING
    start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        for what in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{what}.complete"})
        return
    kind, body = b"text/plain", GREETING
    if scope["method"] == "POST":
        content, more = b"", True
        while more:
            message = await receive()
            content += message.get("body", b"")
            more = message.get("more_body", False)
        kind, body = b"application/json", reply(content)
    fields = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})
