#!/usr/bin/python3
"""A page of Django: a CGI program, and an application for servers that keep one."""
from django.conf import settings

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="of the benchmark")

from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("", lambda request: HttpResponse("Hello from a script.\n"))]
application = get_wsgi_application()

if __name__ == "__main__":
    from wsgiref.handlers import CGIHandler

    CGIHandler().run(application)
