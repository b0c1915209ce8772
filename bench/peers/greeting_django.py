"""The greeting of the modes for Python, by Django."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of a benchmark",
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
)


def greet(_request):
    return HttpResponse("greeting!!!", content_type="text/plain")


urlpatterns = [path("", greet)]
application = get_wsgi_application()
