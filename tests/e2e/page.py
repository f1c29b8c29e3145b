#!/usr/bin/env python3
"""Check a page that sess-stats -o html wrote: page.py FILE [TEXT...]

That every element is known, closed in order and where it may stand; that ids are
unique and links lead to them; that nothing is loaded, run or styled but the one
style whose hash the policy names; that the TEXTs are shown, as text.  Says what is
wrong and exits 1.
"""
import base64
import hashlib
import html
import re
import sys
from html.parser import HTMLParser

VOID = {"meta", "br", "wbr"}
KNOWN = VOID | set("""path rect html head title style body header h1 h2 h3 nav ul ol li a main section p div
    table caption thead tbody tr th td dl dt dd details summary code b span time svg figure
    figcaption""".split())
PARENT = {"li": {"ul", "ol"}, "tr": {"thead", "tbody", "table"}, "td": {"tr"}, "th": {"tr"},
          "dt": {"dl", "div"}, "dd": {"dl", "div"}, "summary": {"details"}, "rect": {"svg"},
          "path": {"svg"}, "caption": {"table"}, "figcaption": {"figure"}}
PHRASING = {"span", "code", "b", "a", "summary", "time", "p", "h1", "h2", "h3", "dt"}
BLOCK = {"div", "dl", "ul", "ol", "table", "details", "section", "p", "figure"}
ATTRIBUTES = set("""id class href lang charset http-equiv content name title scope role tabindex open
    datetime viewbox preserveaspectratio aria-label aria-labelledby aria-hidden x width height d
    vector-effect""".split())


class Page(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=False)
        self.open, self.ids, self.links, self.wrong = [], [], [], []
        self.style, self.policy, self.text, self.doctype = "", None, [], None

    def bad(self, what):
        self.wrong.append("line %d: %s" % (self.getpos()[0], what))

    def handle_decl(self, decl):
        if self.doctype is not None or self.open or decl != "DOCTYPE html":
            self.bad("declaration " + decl)
        self.doctype = decl

    def handle_starttag(self, tag, attrs):
        parent = self.open[-1] if self.open else None
        if tag not in KNOWN:
            self.bad("element " + tag)
        if tag in PARENT and parent not in PARENT[tag]:
            self.bad("%s in %s" % (tag, parent))
        if parent in PHRASING and tag in BLOCK:
            self.bad("%s in %s" % (tag, parent))
        names = [name for name, _ in attrs]
        if len(set(names)) < len(names):
            self.bad("an attribute twice in " + tag)
        for name, value in attrs:
            self.attribute(tag, name, value)
        if tag == "meta" and ("http-equiv", "Content-Security-Policy") in attrs:
            self.policy = dict(attrs)["content"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        if tag not in ("path", "rect"):
            self.bad(tag + " closes itself")
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def attribute(self, tag, name, value):
        if name not in ATTRIBUTES:
            self.bad("attribute %s of %s" % (name, tag))
        if name == "http-equiv" and value != "Content-Security-Policy":
            self.bad("http-equiv " + value)
        if name == "id":
            self.ids.append(value)
        if name == "href":
            self.links.append(value)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.bad("end of " + tag)

    def handle_data(self, data):
        if self.open and self.open[-1] == "style":
            self.style += data
            return
        if "<" in data or ">" in data or "&" in data:
            self.bad("not escaped: " + data[:60])
        self.shown(data)

    def handle_entityref(self, name):
        if name not in ("amp", "lt", "gt", "quot"):
            self.bad("entity " + name)
        self.shown(html.unescape("&%s;" % name))

    def handle_charref(self, name):
        self.shown(html.unescape("&#%s;" % name))

    def handle_comment(self, data):
        self.bad("comment")

    handle_pi = unknown_decl = handle_comment

    def shown(self, data):
        self.text.append(data)
        if re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", data):
            self.bad("a control character: %r" % data[:60])


def check(source, texts):
    page = Page()
    page.feed(source)
    page.close()
    wrong = page.wrong
    if page.doctype is None or page.open:
        wrong.append("no doctype, or not closed: %s" % page.open)
    if len(set(page.ids)) < len(page.ids):
        wrong.append("an id twice")
    for link in page.links:
        if not link.startswith("#") or link[1:] not in page.ids:
            wrong.append("a link to " + link)
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    if page.policy != ("default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; "
                       "form-action 'none'" % digest):
        wrong.append("policy %s, style %s" % (page.policy, digest))
    if re.search(r"url\(|@import|expression|</", page.style):
        wrong.append("the style loads something")
    shown = "".join(page.text)
    wrong += ["not shown: " + text for text in texts if text not in shown]
    return wrong


def main():
    with open(sys.argv[1], encoding="utf-8", newline="") as f:
        wrong = check(f.read(), sys.argv[2:])
    for what in wrong[:20]:
        print(what)
    sys.exit(1 if wrong else 0)


main()
