"""The owner's own pages: the one-time set-up, login, logout, settings and password."""

from __future__ import annotations

from flask import abort, current_app, flash, g, redirect, render_template, request, session, url_for

from . import owner as owner_store
from . import passwords
from .security import count_attempt, forget_attempts, log_in
from .text import clean_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_PAGE_SIZE = 100
# What a password is compared with when the name is wrong, so that both take the same time.
NOBODY = f"scrypt:{passwords.COST}:{passwords.BLOCK}:{passwords.PARALLEL}$nobody$" + 128 * "0"


def need_owner() -> None:
    """Send everybody else to the login, and back afterwards if only a page was asked for."""
    if g.user is None:
        target = request.full_path.rstrip("?") if request.method != "POST" else None
        abort(redirect(url_for("login", next=target), 303))


def set_up() -> Any:
    """Make the owner with the one-time link that the server's terminal shows."""
    token = request.values.get("token", "")
    if request.method == "POST":
        count_attempt(g.database, "set-up")
    if not owner_store.is_link_token(g.database, token):
        text = "This link was used, is too old, or was replaced by a newer one. The server's terminal can show another."
        return render_template("error.html", title="This link is not good", text=text), 403
    known = owner_store.find_owner(g.database, is_demo=False)
    form = {"name": known["name"] if known else "", "title": g.settings["title"] if known else ""}
    form = {name: clean_line(request.form.get(name, value)) for name, value in form.items()}
    errors: dict[str, str] = {}
    if request.method == "POST":
        if not 0 < len(form["name"]) <= 60:
            errors["name"] = "Please choose a name of at most 60 characters."
        if not 0 < len(form["title"]) <= 100:
            errors["title"] = "Please choose a title of at most 100 characters."
        errors.update(password_errors())
        if not errors:
            user = owner_store.set_owner(g.database, token, form["name"], request.form["password"])
            if user is None:
                abort(400)
            owner_store.write_setting(g.database, "title", form["title"])
            if not known:
                owner_store.write_setting(g.database, "tagline", "")
            forget_attempts(g.database, "set-up")
            log_in(user["id"], user["session_number"])
            flash("Welcome. The blog is yours.")
            return redirect(url_for("index"), 303)
    return render_template("set_up.html", token=token, form=form, errors=errors, minimum=passwords.MIN_LENGTH)


def password_errors() -> dict[str, str]:
    """What is wrong with a new password, typed twice."""
    password, repeated = request.form.get("password", ""), request.form.get("repeated", "")
    if not passwords.MIN_LENGTH <= len(password) <= passwords.MAX_LENGTH:
        return {"password": f"Please choose a password of at least {passwords.MIN_LENGTH} characters."}
    if password != repeated:
        return {"repeated": "The two passwords differ."}
    return {}


def login() -> Any:
    """Log the owner in."""
    name = request.form.get("name", "")
    target = request.values.get("next", "")
    error = ""
    if request.method == "POST":
        count_attempt(g.database, "login")
        owner = owner_store.find_owner(g.database, current_app.config["BLOG"].is_demo)
        is_named = owner is not None and owner["name"] == clean_line(name)
        password = request.form.get("password", "")[: passwords.MAX_LENGTH]
        if passwords.is_password(password, owner["password"] if owner and is_named else NOBODY) and owner and is_named:
            forget_attempts(g.database, "login")
            log_in(owner["id"], owner["session_number"])
            flash("You were logged in.")
            return redirect(inner_address(target), 303)
        error = "Name or password is wrong."
    elif g.user is not None:
        return redirect(url_for("index"), 303)
    has_owner = owner_store.find_owner(g.database, current_app.config["BLOG"].is_demo) is not None
    page = render_template("login.html", name=name, target=target, error=error, has_owner=has_owner)
    return page, 403 if error else 200


def inner_address(target: str) -> str:
    """A page of this blog to go to; anything that a browser could take for another host is not followed."""
    is_inner = target.startswith("/") and not target.startswith("//") and "\\" not in target and target.isprintable()
    return request.script_root + target if is_inner else url_for("index")


def logout() -> Any:
    """Log out; a link leads to a button, since a mere link could be planted on another site."""
    if request.method != "POST":
        need_owner()
        return render_template("logout.html")
    session.clear()
    flash("You were logged out.")
    return redirect(url_for("index"), 303)


def settings() -> Any:
    """Title, tagline, page size and public address."""
    need_owner()
    form = {name: g.settings[name] for name in owner_store.DEFAULT_SETTINGS}
    errors: dict[str, str] = {}
    if request.method == "POST":
        form = {name: clean_line(request.form.get(name, "")) for name in form}
        if not 0 < len(form["title"]) <= 100:
            errors["title"] = "Please choose a title of at most 100 characters."
        if len(form["tagline"]) > 200:
            errors["tagline"] = "Please use at most 200 characters."
        size = form["page_size"]
        if not (size.isascii() and size.isdigit() and len(size) < 4 and 1 <= int(size) <= MAX_PAGE_SIZE):
            errors["page_size"] = f"Please give a number from 1 to {MAX_PAGE_SIZE}."
        if form["address"] and not is_web_address(form["address"]):
            errors["address"] = "Please give a full address such as https://example.org/cgi, or leave it empty."
        if not errors:
            with g.database.transaction():
                for name, value in form.items():
                    owner_store.write_setting(g.database, name, value)
            flash("Settings saved.")
            return redirect(url_for("settings"), 303)
    return show_settings(form, errors)


def show_settings(form: dict[str, str], errors: dict[str, str]) -> Any:
    """The page of the settings."""
    page = render_template("settings.html", form=form, errors=errors, minimum=passwords.MIN_LENGTH)
    return page, 422 if errors else 200


def is_web_address(text: str) -> bool:
    """Is it an http or https address without query and fragment?"""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.fragment
    except ValueError:
        return False


def password() -> Any:
    """Change the password; every other session ends."""
    need_owner()
    count_attempt(g.database, "login")
    errors = password_errors()
    if not passwords.is_password(request.form.get("current", "")[: passwords.MAX_LENGTH], g.user["password"]):
        errors["current"] = "This is not the password so far."
    if errors:
        return show_settings({name: g.settings[name] for name in owner_store.DEFAULT_SETTINGS}, errors)
    number = owner_store.change_password(g.database, g.user["id"], request.form["password"])
    forget_attempts(g.database, "login")
    log_in(g.user["id"], number)
    flash("The password was changed. Every other session has ended.")
    return redirect(url_for("settings"), 303)
