"""Where the owner writes: the editor with preview and pictures, the list of entries, moderation."""

from __future__ import annotations

from flask import abort, current_app, flash, g, redirect, render_template, request, url_for
from markupsafe import Markup

from . import comments as comment_store
from . import entries as entry_store
from . import images as image_store
from .account import need_owner
from .entries import Conflict, Draft
from .markdown_text import Rendered, render, with_root
from .security import is_csrf_token
from .text import clean, clean_line, tags_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .database import Row

MAX_COMMENTS_SHOWN = 200


class Form:
    """The editor's form: its fields as they were sent or loaded, and what is wrong with them."""

    def __init__(self, row: Row | None, tags: list[str]) -> None:
        """The form of an entry as it is stored, or of a new one."""
        self.entry = row
        self.title: str = row["title"] if row else ""
        self.body: str = row["body"] if row else ""
        self.tags = ", ".join(tags)
        self.takes_comments = bool(row["takes_comments"]) if row else True
        self.revision: int = row["revision"] if row else 0
        self.image_description = ""
        self.errors: dict[str, str] = {}

    def read(self) -> None:
        """Take what the browser sent."""
        self.title = clean_line(request.form.get("title", ""))
        self.body = clean(request.form.get("body", ""))
        self.tags = ", ".join(tags_of(request.form.get("tags", "")))
        self.takes_comments = "takes_comments" in request.form
        self.image_description = clean_line(request.form.get("image_description", ""))
        revision = request.form.get("revision", "")
        self.revision = int(revision) if revision.isascii() and revision.isdigit() else 0

    def check(self, action: str) -> None:
        """Say what keeps the entry from being saved."""
        if len(self.title) > entry_store.MAX_TITLE_LENGTH:
            self.errors["title"] = f"A title has at most {entry_store.MAX_TITLE_LENGTH} characters."
        if len(self.body) > entry_store.MAX_BODY_LENGTH:
            self.errors["body"] = f"A text has at most {entry_store.MAX_BODY_LENGTH} characters."
        if action != "save" or (self.entry and self.entry["is_published"]):
            if not self.title:
                self.errors["title"] = "An entry needs a title before it is published."
            if not self.body:
                self.errors["body"] = "An entry needs a text before it is published."

    def draft(self, is_published: bool) -> Draft:
        """What is to be stored."""
        return Draft(self.title or "Untitled", self.body, tags_of(self.tags), self.takes_comments, is_published)


def write() -> Any:
    """A new entry."""
    return edit_form(Form(None, []))


def edit(entry_id: int) -> Any:
    """Change an entry."""
    row = entry_store.get_any_entry(g.database, entry_id) if g.user is not None else None
    if g.user is not None and row is None and request.method != "POST":
        abort(404)
    tags = entry_store.tags_of_entries(g.database, [row])[entry_id] if row else []
    return edit_form(Form(row, tags))


def edit_form(form: Form) -> Any:
    """Show the editor, or do what its buttons say."""
    if request.method != "POST":
        need_owner()
        return render_template("edit.html", form=form, preview=None)
    form.read()
    is_lost = request.endpoint == "edit" and form.entry is None
    if g.user is None or is_lost or not is_csrf_token(request.form.get("csrf", "")):
        # The session ended, or the entry was deleted, while somebody wrote: hand the text back.
        return render_template("not_saved.html", form=form, is_lost=is_lost and g.user is not None), 403
    action = request.form.get("action", "preview")
    has_picture = take_picture(form)
    if action in ("save", "publish", "withdraw") and not form.errors:
        form.check(action)
        if not form.errors:
            done = save(form, action)
            if done is not None:
                return done
    # Enter in a field presses the first button, "Add picture": without a picture it shows what there is.
    show_preview = not form.errors and (action == "preview" or not has_picture)
    preview = Markup(with_root(rendered(form.body).html, request.script_root)) if show_preview else None
    return render_template("edit.html", form=form, preview=preview), 422 if form.errors else 200


def take_picture(form: Form) -> bool:
    """Store the picture that came with the form, and put it at the end of the text; False if none came."""
    upload = request.files.get("image")
    if upload is None or not upload.filename:
        return False
    limit: int = current_app.config["BLOG"].max_image_bytes
    content = upload.stream.read(limit + 1)
    try:
        if len(content) > limit:
            raise image_store.NotAnImage(f"A picture has at most {limit // 1024} KiB.")
        picture = image_store.recognise(content)
    except image_store.NotAnImage as error:
        form.errors["image"] = str(error)
        return True
    if not form.image_description:
        form.errors[
            "image_description"
        ] = "Please say what the picture shows, for those who cannot see it. Then choose it again."
        return True
    image_store.add_image(g.database, picture, form.image_description)
    text = form.image_description.replace("\\", "").replace("[", "(").replace("]", ")")
    form.body = f"{form.body}\n\n![{text}](media/{picture.name})".lstrip()
    form.image_description = ""
    return True


def rendered(body: str) -> Rendered:
    """The text as HTML, with the sizes of the blog's own images."""
    return render(body, lambda name: image_store.image_size(g.database, name))


def save(form: Form, action: str) -> Any:
    """Store the entry and go on; None when that was not possible and the form says why."""
    was_published = bool(form.entry and form.entry["is_published"])
    is_published = action == "publish" or (action == "save" and was_published)
    draft = form.draft(is_published)
    try:
        if form.entry is None:
            entry_id = entry_store.add_entry(g.database, draft, rendered(form.body))
        else:
            entry_id = form.entry["id"]
            entry_store.change_entry(g.database, entry_id, form.revision, draft, rendered(form.body))
    except (Conflict, KeyError):
        form.errors["body"] = (
            "This entry was changed in another window since you opened it. Copy what you need from here, "
            "open the entry again and repeat the change."
        )
        return None
    if is_published:
        flash("The entry was saved." if was_published else "The entry was published.")
        row = entry_store.get_any_entry(g.database, entry_id)
        return redirect(url_for("entry", slug=row["slug"]) if row else url_for("index"), 303)
    flash("The entry is a draft again." if was_published else "The draft was saved.")
    return redirect(url_for("edit", entry_id=entry_id), 303)


def delete(entry_id: int) -> Any:
    """Ask, then delete."""
    need_owner()
    row = entry_store.get_any_entry(g.database, entry_id)
    if row is None:
        abort(404)
    if request.method != "POST":
        return render_template("delete.html", entry=row)
    entry_store.delete_entry(g.database, entry_id)
    flash(f"“{row['title']}” was deleted.")
    return redirect(url_for("manage"), 303)


def manage() -> Any:
    """All drafts and entries."""
    need_owner()
    drafts = entry_store.list_titles(g.database, False)
    return render_template("manage.html", drafts=drafts, entries=entry_store.list_titles(g.database, True))


def images() -> Any:
    """The stored images."""
    need_owner()
    if request.method == "POST":
        if not image_store.delete_image(g.database, request.form.get("name", "")):
            abort(404)
        flash("The picture was deleted.")
        return redirect(url_for("images"), 303)
    return render_template("images.html", images=image_store.list_images(g.database))


def comments() -> Any:
    """Approve and delete comments."""
    need_owner()
    if request.method == "POST":
        number = request.form.get("comment", "")
        comment_id = int(number) if number.isascii() and number.isdigit() and len(number) < 16 else 0
        if request.form.get("action") == "approve":
            is_done, text = comment_store.approve_comment(g.database, comment_id), "The comment is shown now."
        else:
            is_done, text = comment_store.delete_comment(g.database, comment_id), "The comment was deleted."
        flash(text if is_done else "This comment was already dealt with.")
        return redirect(url_for("comments"), 303)
    return render_template(
        "comments.html",
        waiting=comment_store.list_comments(g.database, False, MAX_COMMENTS_SHOWN),
        approved=comment_store.list_comments(g.database, True, MAX_COMMENTS_SHOWN),
    )
