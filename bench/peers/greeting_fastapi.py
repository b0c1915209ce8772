"""The greeting of the modes for Python, by FastAPI."""

from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

application = FastAPI()


@application.get("/", response_class=PlainTextResponse)
async def greet():
    return "greeting!!!"
