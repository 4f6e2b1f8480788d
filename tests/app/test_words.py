"""What people read on pages is marked in the code, so that it can be told in their language."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "app.py", *sorted((ROOT / "pages").rglob("*.py"))]

MARKS = {"_", "n_", "N_", "message"}
# Functions of Streamlit and of pages whose first argument is shown.
SHOWN_FIRST = {
    *("markdown", "caption", "text", "title", "header", "subheader", "write", "badge"),
    *("button", "download_button", "link_button", "form_submit_button", "page_link"),
    *("selectbox", "multiselect", "radio", "segmented_control", "pills", "checkbox", "toggle"),
    *("slider", "select_slider", "number_input", "text_input", "text_area", "chat_input"),
    *("date_input", "time_input", "color_picker", "file_uploader", "camera_input", "audio_input"),
    *("metric", "expander", "popover", "tabs", "dialog", "spinner", "status", "toast"),
    *("error", "warning", "info", "success", "fold", "_counter"),
}
COLUMN = re.compile(r"[A-Z]\w*Column")
SHOWN_BY_NAME = {
    *("label", "help", "placeholder", "caption", "captions", "text", "title", "body"),
    *("hovertext", "hovertemplate", "page_title"),
}
# Their second argument is shown as it is, unless `format_func` says what to show.
CHOOSERS = {"selectbox", "multiselect", "radio", "segmented_control", "pills"}
# Parts of a chart's description that are shown.
SHOWN_KEYS = {"title", "text", "hovertext", "hovertemplate", "label"}
# Arguments that look like words and are none.
UNREAD = {"textposition", "default"}
# The name that a run keeps, whoever reads it.
KEPT = {"Brought in"}
# Icons and colours of Markdown, tags, entities, addresses, formulas, names in styles, and what
# stands in for a value; names and units that are the same everywhere.
NO_WORDS = re.compile(
    r"(?s:<style>.*</style>)|</?[a-z!][^<>]*>|&#?\w+;|:material/\w+:"
    r"|\\[a-z]+|--[a-z-]+|:[a-z]+(?:-background|-badge)?\[|%?\{[^{}]*\}|https?://\S+|\b(?:NetSketch|PyTorch|MB|px)\b"
)
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
WORD = re.compile(r"[^\W\d_]{2,}")
# A text wherever it stands: words beside each other, unless of a style, which ends in a semicolon;
# a word beside a value; one that begins with a capital; one beside an icon.
TEXT = re.compile(
    r"[^\W\d_]{2,},? [^\W\d_]{2,}(?!.*;$)|\b[^\W\d_]{2,}[:,]? \||\|[:,]? [^\W\d_]{2,}"
    r"|^[A-Z][a-z]+$|\|.*\] [a-z]+$"
)


def has_words(text: str) -> bool:
    return WORD.search(NO_WORDS.sub(" ", text)) is not None


def unmarked(source: str) -> list[str]:
    """List what could be read in English only."""
    tree = ast.parse(source)
    shown = {text for node in ast.walk(tree) for text in _shown(node) if has_words(text)}
    return sorted((shown | set(_texts(tree))) - KEPT)


def unfit(source: str) -> list[str]:
    """List what is marked in a way that whoever collects the texts does not find."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _name(node.func) in MARKS:
            texts = node.args[: 2 if _name(node.func) == "n_" else 1]
            if not all(isinstance(text, ast.Constant) for text in texts):
                found.append(ast.unparse(node))
        elif isinstance(node, ast.JoinedStr):
            found += [ast.unparse(node) for part in ast.walk(node) if _is_marked(part)]
        elif isinstance(node, FUNCTIONS):
            inner = list(ast.walk(node))
            own = {n.id for n in inner if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
            # Python would take it for the function's own variable.
            if own & MARKS and any(_is_marked(part) for part in inner):
                found.append(f"{node.name}: {own & MARKS}")
    return found


def _shown(node: ast.AST) -> Iterator[str]:
    """The texts that a call or a chart shows and that nobody has marked."""
    if isinstance(node, ast.Call):
        name = _name(node.func)
        if _logs(node):
            return
        if name in SHOWN_FIRST or COLUMN.fullmatch(name):
            for argument in node.args[:1]:
                yield from _literals(argument)
        if name == "metric":
            for argument in node.args[1:3]:
                yield from _literals(argument)
        for keyword in node.keywords:
            if keyword.arg in SHOWN_BY_NAME:
                yield from _literals(keyword.value)
        if name in CHOOSERS and "format_func" not in _arguments(node):
            for options in node.args[1:2]:
                yield from _literals(options)
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value in SHOWN_KEYS:
                yield from _literals(value)


def _literals(node: ast.expr) -> Iterator[str]:
    """The literal texts that an expression may be made of, but for marked ones."""
    inner: list[ast.expr] = []
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            # What stands in for a value keeps the tag around it in one piece.
            yield "".join(p.value if isinstance(p, ast.Constant) else "{0}" for p in parts)
            inner = [part.value for part in parts if isinstance(part, ast.FormattedValue)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            inner = [left, right]
        case ast.IfExp(body=body, orelse=orelse):
            inner = [body, orelse]
        case ast.BoolOp(values=values) | ast.List(elts=values) | ast.Tuple(elts=values):
            inner = values
        case ast.GeneratorExp(elt=element) | ast.ListComp(elt=element):
            inner = [element]
        case ast.Call(func=ast.Attribute(value=template, attr="format" | "join"), args=arguments):
            inner = [template, *arguments]
        case ast.Call(func=ast.Name(id="plain" | "escape"), args=arguments):
            inner = arguments
    for part in inner:
        yield from _literals(part)


def _texts(tree: ast.Module) -> Iterator[str]:
    """What is written as words beside each other, anywhere, and is not marked."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        unread: list[ast.AST] = []
        if isinstance(node, ast.Module | ast.ClassDef | FUNCTIONS):
            unread = node.body[:1] if ast.get_docstring(node, clean=False) is not None else []
        elif isinstance(node, ast.Assert | ast.Raise | ast.Compare | ast.Subscript):
            unread = [node]  # what only developers read, and what code compares
        elif isinstance(node, ast.keyword) and node.arg in UNREAD:
            unread = [node]
        elif isinstance(node, ast.Dict):
            unread = [key for key in node.keys if isinstance(key, ast.Constant)]
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            unread = [node]
        elif isinstance(node, ast.Call) and (_is_marked(node) or _logs(node)):
            unread = [*node.args]
        elif isinstance(node, ast.Call) and "format_func" in _arguments(node):
            unread = node.args[1:2]
        skipped |= {id(inner) for outer in unread for inner in ast.walk(outer)}
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in skipped:
            yield from (text for text in _literals(node) if TEXT.search(NO_WORDS.sub("|", text)))


def _is_marked(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and _name(node.func) in MARKS


def _arguments(call: ast.Call) -> set[str | None]:
    return {keyword.arg for keyword in call.keywords}


def _logs(call: ast.Call) -> bool:
    return ast.unparse(call.func).startswith("_log.")


def _name(function: ast.expr) -> str:
    return getattr(function, "attr", getattr(function, "id", ""))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_text_of_a_page_is_marked(path):
    source = path.read_text(encoding="utf-8")
    assert unmarked(source) == []
    assert unfit(source) == []


@pytest.mark.parametrize(
    "source",
    [
        'st.button("Train")',
        'st.button(f"Delete {count}")',
        'st.button("" if small else "Stop", key="stop")',
        'column.metric("Loss", value)',
        'column.metric(_("Loss"), "unknown")',
        'st.tabs([_("Layers"), "Code"])',
        'st.radio(_("Axis"), ["step", "epoch"])',
        'st.selectbox(_("Network"), ids, help="Any run.")',
        'st.text_input(_("Name"), placeholder="Name")',
        'st.markdown(f"**{share}** right")',
        'st.markdown("**Its answer**")',
        'st.caption("{n} runs".format(n=n))',
        'st.caption(" · ".join(["Seed", seed]))',
        'st.error(plain("Full"), icon=":material/error:")',
        'st.progress(0.5, text="Waiting")',
        'st.error(f":material/error: {n} failed")',
        'st.column_config.NumberColumn("Loss")',
        'fold("More", "more", icon, show)',
        'chart = {"field": "x", "title": "Loss"}',
        'chart = {"tooltip": [{"field": "y", "title": "Right" if share else _("Loss")}]}',
        'drawing.write(hovertext=f"<b>{name}</b> breaks")',
        'words = "Not one mistake"',
        'words = f"{count} runs, {place} among them"',
        'def words():\n    return f"Half of {count}, or so"',
        'NAMES = {"a": "As they are"}',
        'KINDS = ("Training", "Validation")',
        'STATES = {"failed": ":red[:material/error:] failed"}',
        'words.append(f"step {step:,}")',
        'return_ = "{time} left".format(time=time)',
    ],
)
def test_what_is_not_marked_is_found(source):
    assert unmarked(source) != []


@pytest.mark.parametrize(
    "source",
    [
        'st.button(_("Train"), key="train", icon=":material/play_arrow:")',
        'st.button("", help=_("Close"))',
        'st.button("–")',
        'st.markdown(f"**{_name}** · {share:.1%}")',
        'st.markdown("#### " + _("Every run"))',
        'st.markdown(f":red[:material/error:] **{plain(say(problem.message))}**")',
        'st.markdown(f"<b>{say(place(part))}</b><br>28 × 28 px")',
        'st.caption(n_("{n:,} run", "{n:,} runs", count))',
        'st.caption(_("{n} of {total}").format(n=n, total=total))',
        'st.caption(_(", ").join(names))',
        'st.selectbox(_("Input"), ["Draw", "Picture"], format_func=say)',
        'st.progress(0.5, text=_("Waiting"))',
        'st.vega_lite_chart(rows, key=f"classes_{key}")',
        'st.vega_lite_chart({"x": {"field": "loss", "type": "quantitative", "title": None}})',
        'WORDS = {"failed": N_(":red[:material/error:] has failed")}',
        'state.refuse(message("The disk of {folder} is full.", folder=folder))',
        '"""A page with a few words."""\nx = 1',
        'def f():\n    """Say a few words."""',
        'assert known, "no such run"',
        '_log.error("No such file", exc_info=error)',
        'st.html(f\'<img src="{picture}" alt="{escape(words)}" style="width:{size}px">\')',
        r'st.latex(rf"\left\lfloor\frac{{{a}}}{{{b}}}\right\rfloor\;\to {c}")',
        "st.html(f\"<div style='--right: {right}; --wrong: {wrong};'></div>\")",
        'colours = f"--right: {right}; --wrong: {wrong};"',
        'st.set_page_config(page_title="NetSketch", layout="wide")',
    ],
)
def test_what_needs_no_mark_is_left_alone(source):
    assert unmarked(source) == []


@pytest.mark.parametrize(
    "source",
    [
        '_(f"{n} runs")',
        "_(words)",
        '_("One" if alone else "Many")',
        'n_("{n} run", many, count)',
        'message(f"The disk of {folder} is full.")',
        "words = f\"#### {_('Every run')}\"",
        'def f():\n    first, _ = pair\n    return _("First")',
    ],
)
def test_a_mark_that_nobody_finds_is_found(source):
    assert unfit(source) != []
    assert unfit('_("{n} runs").format(n=n)\nfirst, _ = pair') == []
