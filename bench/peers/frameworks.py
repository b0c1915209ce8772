"""The same greeting by frameworks. Each is imported only where it is asked for: a module's attribute (PEP 562)."""

GREETING = "greeting!!!"


def make_flask():
    import flask

    made = flask.Flask("greeting")
    made.route("/")(lambda: flask.Response(GREETING, mimetype="text/plain"))
    return made


def make_django():
    import sys

    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import path

    settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF="frameworks", SECRET_KEY="of a benchmark", DEBUG=False)
    sys.modules["frameworks"].urlpatterns = [path("", lambda request: HttpResponse(GREETING, content_type="text/plain"))]
    return get_wsgi_application()


def make_fastapi():
    from fastapi import FastAPI
    from fastapi.responses import PlainTextResponse

    made = FastAPI()

    @made.get("/", response_class=PlainTextResponse)
    async def greet():
        return GREETING

    return made


MAKERS = {"flask": make_flask, "django": make_django, "fastapi": make_fastapi}


def __getattr__(name):
    if name not in MAKERS:
        raise AttributeError(name)
    made = globals()[name] = MAKERS[name]()
    return made
