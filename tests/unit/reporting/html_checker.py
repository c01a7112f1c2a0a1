"""Whether an HTML page is whole: used by the tests of every page."""

from html.parser import HTMLParser

VOID = {
    "meta",
    "br",
    "img",
    "input",
    "link",
    "hr",
    "path",
    "use",
    "rect",
    "ellipse",
    "line",
    "polygon",
    "image",
    "circle",
}


class Checker(HTMLParser):
    """Collect ids, links and outside resources, and check that tags nest."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.outside = [], [], [], []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values[name] for name in ("href", "xlink:href") if name in values]
        self.outside += [values["src"]] if "src" in values else []
        assert tag != "script"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag
