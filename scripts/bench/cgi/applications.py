"""The two applications behind the paths of their CGI programs, for servers that keep them."""
import django_hello
import flask_hello


def application(environ, start_response):
    chosen = django_hello.application if "django" in environ["PATH_INFO"] else flask_hello.app
    environ["SCRIPT_NAME"], environ["PATH_INFO"] = "", "/"
    return chosen(environ, start_response)
