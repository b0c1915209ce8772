"""Applications of Flask, Django, Starlette and FastAPI, served by the command as their authors would serve them."""

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from program import TIMEOUT, Program

FLASK = """
import concurrent.futures, multiprocessing, subprocess
from flask import Flask, Response, request, send_file, session, stream_with_context

app = Flask(__name__)
app.secret_key = "secret"

def square(number):
    return number * number

@app.get("/")
def index():
    return "greeting!!!"
@app.get("/stream")
def stream():
    return Response(stream_with_context(f"{request.path} {number}\\n" for number in range(3)))
@app.get("/file")
def file():
    return send_file(__file__)
@app.post("/upload")
def upload():
    return str(len(request.files["file"].read()))
@app.post("/json")
def echo():
    return {"got": request.json}
@app.get("/count")
def count():
    session["count"] = session.get("count", 0) + 1
    return str(session["count"])
@app.get("/pool")
def pool():
    with multiprocessing.Pool(2) as processes:
        return str(processes.map(square, range(5)))
@app.get("/executor")
def executor():
    with concurrent.futures.ProcessPoolExecutor(2) as processes:
        return str(list(processes.map(square, range(5))))
@app.get("/program")
def program():
    return subprocess.run(["echo", "said"], capture_output=True, text=True, check=True).stdout
@app.get("/fails")
def fails():
    raise RuntimeError("of the view")
"""

DJANGO = """
import os, sys, tempfile
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="secret",
    STATIC_URL="/static/",
    INSTALLED_APPS=["django.contrib.staticfiles"],
)

def index(request):
    return HttpResponse("greeting!!!")
def rows(request):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS visits (id INTEGER PRIMARY KEY)")
        cursor.execute("INSERT INTO visits DEFAULT VALUES")
        cursor.execute("SELECT count(*) FROM visits")
        return JsonResponse({"rows": cursor.fetchone()[0]})
def stream(request):
    return StreamingHttpResponse(f"{number}\\n" for number in range(3))
def file(request):
    return FileResponse(open(__file__, "rb"))
def upload(request):
    return HttpResponse(str(request.FILES["file"].size))
def script(request):
    return HttpResponse(request.build_absolute_uri("/here"))

from django.views.decorators.csrf import csrf_exempt
urlpatterns = [
    path("", index), path("rows", rows), path("stream", stream), path("file", file),
    path("upload", csrf_exempt(upload)), path("script", script),
]
application = get_wsgi_application()
with connection.cursor() as cursor:  # while it is imported: no worker may go on with this connection
    cursor.execute("SELECT 1")
"""

STARLETTE = """
import asyncio, contextlib, os
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount, Route

async def index(request):
    return PlainTextResponse("greeting!!!")
async def stream(request):
    async def numbers():
        for number in range(3):
            await asyncio.sleep(0)
            yield f"{number}\\n"
    return StreamingResponse(numbers())
def threaded(request):  # Starlette calls it on a thread
    return PlainTextResponse(request.url.path)
async def file(request):
    return FileResponse(__file__)
async def upload(request):
    size = 0
    async for piece in request.stream():
        size += len(piece)
    return PlainTextResponse(str(size))
async def echo(request):
    return JSONResponse({"got": await request.json(), "client": request.client.host})
async def background(request):
    async def work():
        await asyncio.sleep(0.2)
        os.write(1, b"worked\\n")
    return PlainTextResponse("answered", background=BackgroundTask(work))
async def fails(request):
    raise RuntimeError("of the view")
class Heading(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        response = await call_next(request)
        response.headers["X-Seen"] = request.method
        return response

app = Starlette(
    routes=[
        Route("/", index), Route("/stream", stream), Route("/threaded", threaded), Route("/file", file),
        Route("/upload", upload, methods=["POST"]), Route("/json", echo, methods=["POST"]),
        Route("/background", background), Route("/fails", fails),
    ],
    middleware=[Middleware(Heading), Middleware(GZipMiddleware)],
)
"""

FASTAPI = """
import asyncio, time
from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel

app = FastAPI()

class Item(BaseModel):
    name: str
    price: float = 1.5

@app.on_event("startup")
async def startup():
    app.state.ready = "ready"
async def slow():
    await asyncio.sleep(0.01)
    yield "dependency"
@app.get("/")
async def index(word: str = Depends(slow)):
    return {"message": "greeting!!!", "state": app.state.ready, "word": word}
@app.get("/items/{number}")
def item(number: int, q: str = ""):
    return {"number": number, "q": q}
@app.post("/items")
async def create(item: Item):
    return item
@app.post("/upload")
async def upload(request: Request):
    return {"size": len(await request.body())}
"""

ASGI_DJANGO = """

from django.core.asgi import get_asgi_application
async def asynchronous(request):
    import asyncio
    await asyncio.sleep(0)
    return JsonResponse({"body": request.body.decode()})
asynchronous.csrf_exempt = True
urlpatterns.append(path("async", asynchronous))
asgi = get_asgi_application()
"""

LIVE = """
import os, sys
import urllib.request
import django
from django.test import LiveServerTestCase
import app
from forker.testing.django import LiveServerThread

django.setup()

class LiveTest(LiveServerTestCase):
    server_thread_class = LiveServerThread
    def get(self, path):
        with urllib.request.urlopen(self.live_server_url + path) as response:
            return response.headers["Server"], response.read()
    def test_views(self):
        self.assertEqual(self.get("/"), ("libforker", b"greeting!!!"))
        self.assertEqual(self.get("/rows")[1], b'{"rows": 1}')
        self.assertEqual(self.get("/rows")[1], b'{"rows": 2}')

from django.test.utils import get_runner
from django.conf import settings
if __name__ == "__main__":
    sys.exit(get_runner(settings)(verbosity=0).run_tests(["live"]))
"""


def upload(content):
    boundary = "boundary"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    return body + content + f"\r\n--{boundary}--\r\n".encode(), {
        "Content-Type": f"multipart/form-data; boundary={boundary}"
    }


class FrameworkTest(unittest.TestCase):
    framework = ""
    source = ""

    def setUp(self):
        if importlib.util.find_spec(self.framework) is None:
            self.skipTest(f"{self.framework} is not installed for this Python")
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)
        (self.directory / "app.py").write_text(self.source)
        self.environment = {"DATABASE": str(self.directory / "database")}

    def serving(self, name, *arguments):
        arguments = ["--chdir", str(self.directory), "-b", "127.0.0.1:0", "-w", "2", *arguments, name]
        source = f"import runpy; sys.argv[1:] = {arguments!r}; runpy.run_module('forker', run_name='__main__')"
        program = Program(source, self.environment)
        program.address = program.log.wait_for("serving on").split()[-1]
        return program

    ways = ([], ["--threads", "3"], ["--no-preload"])

    def each_way(self, name, check, ways=None):
        """Has an application checked that is served inline, on threads, and imported in each worker."""
        for arguments in ways or self.ways:
            with self.subTest(arguments=arguments), self.serving(name, *arguments) as program:
                check(program)
                self.assertEqual(program.stop(), 0)


class FlaskTest(FrameworkTest):
    framework = "flask"
    source = FLASK

    def test_views(self):
        def check(program):
            self.assertEqual(program.get("/")[2], b"greeting!!!")
            self.assertEqual(program.get("/stream")[2], b"/stream 0\n/stream 1\n/stream 2\n")
            status, headers, body = program.get("/file")
            self.assertEqual(body.decode(), FLASK)
            self.assertEqual(program.get("/file", {"If-None-Match": headers["ETag"]})[0], 304)
            self.assertEqual(program.get("/file", {"Range": "bytes=1-6"})[2], b"import")
            self.assertEqual(program.request("HEAD", "/file")[1]["Content-Length"], str(len(FLASK)))
            self.assertEqual(program.request("POST", "/upload", *upload(bytes(3_000_000)))[2], b"3000000")
            body, headers = upload(b"in chunks")
            self.assertEqual(program.request("POST", "/upload", iter([body]), headers)[2], b"9")
            json = {"Content-Type": "application/json"}
            self.assertEqual(program.request("POST", "/json", b"[1, 2]", json)[2], b'{"got":[1,2]}\n')
            cookie = program.get("/count")[1]["Set-Cookie"]
            self.assertEqual(program.get("/count", {"Cookie": cookie.partition(";")[0]})[2], b"2")
            self.assertEqual(program.get("/fails")[0], 500)
            program.log.wait_for("RuntimeError: of the view")

        self.each_way("app:app", check)

    def test_processes_of_their_own(self):
        def check(program):
            for _ in range(2):
                self.assertEqual(program.get("/pool")[2], b"[0, 1, 4, 9, 16]")
                self.assertEqual(program.get("/executor")[2], b"[0, 1, 4, 9, 16]")
                self.assertEqual(program.get("/program")[2], b"said\n")

        self.each_way("app:app", check)


class DjangoTest(FrameworkTest):
    framework = "django"
    source = DJANGO

    def test_views(self):
        rows = 0

        def check(program):
            nonlocal rows
            self.assertEqual(program.get("/")[2], b"greeting!!!")
            for _ in range(3):
                rows += 1
                self.assertEqual(program.get("/rows")[2], f'{{"rows": {rows}}}'.encode())
            self.assertEqual(program.get("/stream")[2], b"0\n1\n2\n")
            self.assertEqual(program.get("/file")[2].decode(), DJANGO)
            self.assertEqual(program.request("POST", "/upload", *upload(bytes(3_000_000)))[2], b"3000000")
            self.assertEqual(program.get("/script")[2], f"http://{program.address}/here".encode())

        self.each_way("app", check)

    def test_live_tests(self):
        (self.directory / "live.py").write_text(LIVE)
        done = subprocess.run(
            [sys.executable, "live.py"],
            cwd=self.directory,
            env={**os.environ, **self.environment, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue(re.search(r"Ran 1 test", done.stderr), done.stderr)


class DjangoOverASGITest(FrameworkTest):
    framework = "django"
    source = DJANGO + ASGI_DJANGO

    def test_views(self):
        def check(program):
            self.assertEqual(program.get("/")[2], b"greeting!!!")
            self.assertEqual(program.get("/stream")[2], b"0\n1\n2\n")
            self.assertEqual(program.request("POST", "/async", b"content")[2], b'{"body": "content"}')
            self.assertEqual(program.request("POST", "/upload", *upload(bytes(3_000_000)))[2], b"3000000")
            self.assertEqual(program.get("/script")[2], f"http://{program.address}/here".encode())

        self.each_way("app:asgi", check, ASGI_WAYS)


ASGI_WAYS = (["--loop", "asyncio"], ["--loop", "auto", "--no-preload"])


class StarletteTest(FrameworkTest):
    framework = "starlette"
    source = STARLETTE

    def test_views(self):
        def check(program):
            status, headers, body = program.get("/")
            self.assertEqual((status, headers["X-Seen"], body), (200, "GET", b"greeting!!!"))
            self.assertEqual(program.get("/stream")[2], b"0\n1\n2\n")
            self.assertEqual(program.get("/threaded")[2], b"/threaded")
            self.assertEqual(program.get("/file")[2].decode(), STARLETTE)
            self.assertEqual(program.get("/file", {"Accept-Encoding": "gzip"})[1]["Content-Encoding"], "gzip")
            self.assertEqual(program.request("POST", "/upload", bytes(3_000_000))[2], b"3000000")
            self.assertEqual(program.request("POST", "/json", b"[1, 2]")[2], b'{"got":[1,2],"client":"127.0.0.1"}')
            self.assertEqual(program.get("/background")[2], b"answered")
            program.out.wait_for("worked")
            self.assertEqual(program.get("/fails")[0], 500)
            program.log.wait_for("RuntimeError: of the view")

        self.each_way("app:app", check, ASGI_WAYS)


class FastAPITest(FrameworkTest):
    framework = "fastapi"
    source = FASTAPI

    def test_views(self):
        def check(program):
            self.assertEqual(
                program.get("/")[2], b'{"message":"greeting!!!","state":"ready","word":"dependency"}'
            )
            self.assertEqual(program.get("/items/5?q=x")[2], b'{"number":5,"q":"x"}')
            self.assertEqual(program.get("/items/five")[0], 422)
            json = {"Content-Type": "application/json"}
            self.assertEqual(
                program.request("POST", "/items", b'{"name": "milk"}', json)[2], b'{"name":"milk","price":1.5}'
            )
            self.assertEqual(
                program.request("POST", "/upload", bytes(3_000_000))[2], b'{"size":3000000}'
            )
            self.assertIn(b"openapi", program.get("/openapi.json")[2])

        self.each_way("app:app", check, ASGI_WAYS)


if __name__ == "__main__":
    unittest.main()
