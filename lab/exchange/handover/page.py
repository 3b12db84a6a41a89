"""A bundle in a browser: index.html, which needs nothing but the bundle, runs nothing, and fetches nothing."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from lab import printable
from lab.doctor.finding import Finding
from lab.exchange.handover.contents import Told
from lab.exchange.handover.report import WHY, Shown, again, asked, ended, is_well
from lab.program_name import spoken

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1d2733; }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .3rem .6rem; vertical-align: top;
border-bottom: 1px solid #d8dee6 }
pre { background: #f3f5f8; padding: .6rem .8rem; overflow: auto; font-size: 13px }
.bad { color: #b3261e } .good { color: #1b6e3c } .known { color: #5a6775 }
@media (prefers-color-scheme: dark) { body { background: #14191f; color: #dde4ec } pre { background: #1e252d }
td, th { border-color: #333d48 } a { color: #8ab4f8 } .bad { color: #f2867e } .good { color: #7fd19b } }
"""


def page(shown: Shown) -> str:
    """The whole document."""
    return printable.text("\n".join(_lines(shown)) + "\n")


def _lines(shown: Shown) -> Iterator[str]:
    title = escape(f"Lab {shown.manifest.lab}: {shown.summary}")
    yield f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>'
    yield f"<h1>Lab {escape(shown.manifest.lab)}</h1><p>{escape(shown.summary)}.</p>"
    yield "<h2>What is wrong</h2>"
    if not shown.examination.findings:
        yield '<p class="good">Nothing was found.</p>'
    for number, one in enumerate(shown.examination.findings, 1):
        yield from _finding(number, one)
    yield "<h2>Journeys</h2><table><tr><th>request</th><th>how it ended</th><th>all of it</th></tr>"
    for told in shown.manifest.journeys:
        yield from _journey(told)
    yield "</table>"
    yield "<h2>The lab</h2><p>With Hoplab, this brings it up, and says whether the same is seen again:</p>"
    yield f"<pre>{escape(spoken('./inv replay BUNDLE.tar.gz'))}</pre>"
    yield f"<details><summary>lab.yaml</summary><pre>{escape(shown.topology)}</pre></details>"
    yield "<h2>Made with</h2><table>"
    for name, said in shown.versions.items():
        yield f"<tr><td>{escape(name)}</td><td>{escape(said)}</td></tr>"
    yield "</table>"
    yield "<details><summary>What the machine could do</summary><table>"
    for able in shown.abilities:
        mark = "good" if able.ok else "bad"
        yield f'<tr><td class="{mark}">{"yes" if able.ok else "no"}</td><td>{escape(able.name)}</td>'
        yield f"<td>{escape(able.needed_for)}</td></tr>"
    yield "</table></details></body></html>"


def _finding(number: int, one: Finding) -> Iterator[str]:
    where = f" at {', '.join(one.places)}" if one.places else ""
    yield f'<h3>{number}. <span class="bad">{escape(one.cause)}</span>{escape(where)}</h3><p>{escape(one.why)}</p>'
    if one.object:
        yield f"<pre>{escape(one.object)}</pre>"
    if one.affects:
        yield f"<details><summary>{len(one.affects)} fail of it</summary><ul>"
        yield from (f"<li>{escape(words)}</li>" for words in one.affects)
        yield "</ul></details>"
    if one.fix:
        lines = "\n".join(f"{mending.place}: {mending.command}" for mending in one.fix)
        yield f"<p>This mends it:</p><pre>{escape(lines)}</pre>"
    yield f'<p class="known">evidence: {escape(one.evidence)}</p>'


def _journey(told: Told) -> Iterator[str]:
    mark = "good" if is_well(told) else "bad"
    links = " ".join(f'<a href="{escape(name, quote=True)}">{escape(kind)}</a>' for kind, name in told.files.items())
    yield f"<tr><td>{escape(told.name)}<br><span class=known>{escape(asked(told))}, {escape(WHY[told.why])}</span></td>"
    yield f'<td class="{mark}">{escape(ended(told))}</td>'
    yield f"<td>{links}<br><code>{escape(spoken(again(told)))}</code></td></tr>"
