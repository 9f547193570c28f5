"""The two pages that a browser sees: sign in, and what is wrong with the link that led here."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from starlette.responses import HTMLResponse

STYLE = """
:root { color-scheme: light dark; --line: #8888; --accent: #1d5fd1; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --accent: #8ab4f8; --bad: #f2b8b5; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem;
       font: 16px/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 24rem; border: 1px solid var(--line); border-radius: .75rem; padding: 1.5rem; }
h1 { font-size: 1.25rem; margin: 0 0 .25rem; }
p { margin: .25rem 0 1rem; }
label { display: block; font-weight: 600; margin-top: .75rem; }
input { width: 100%; font: inherit; padding: .5rem; border: 1px solid var(--line); border-radius: .4rem; }
button { font: inherit; padding: .5rem 1rem; border-radius: .4rem; border: 1px solid var(--line); cursor: pointer; }
button.main { background: var(--accent); color: Canvas; border-color: var(--accent); font-weight: 600; }
.actions { display: flex; gap: .75rem; margin-top: 1.25rem; }
.bad { color: var(--bad); font-weight: 600; }
.note { font-size: .875rem; opacity: .8; margin: 1.25rem 0 0; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
"""


def _page(title: str, body: str, status: int) -> HTMLResponse:
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    )
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY"}
    return HTMLResponse(html, status_code=status, headers=headers)


def sign_in_page(hidden: Mapping[str, str], *, client_id: str, name: str = "", problem: str = "") -> HTMLResponse:
    """The sign-in form. `hidden` carries the authorization request through it; `problem` is shown above."""
    fields = "".join(
        f'<input type="hidden" name="{escape(key)}" value="{escape(value)}">' for key, value in hidden.items()
    )
    alert = f'<p class="bad" role="alert" id="problem">{escape(problem)}</p>' if problem else ""
    described = ' aria-invalid="true" aria-describedby="problem"' if problem else ""
    body = (
        "<h1>Sign in to the Tradovate simulator</h1>"
        f"<p>{escape(client_id)} asks to see your accounts and to trade for you.</p>{alert}"
        f'<form method="post" action="/oauth">{fields}'
        '<label for="name">Username</label>'
        f'<input id="name" name="name" value="{escape(name)}" autocomplete="username" required autofocus{described}>'
        '<label for="password">Password</label>'
        '<input id="password" name="password" type="password" autocomplete="current-password" '
        f"required{described}>"
        '<div class="actions"><button class="main" name="decision" value="allow">Sign in</button>'
        '<button name="decision" value="cancel" formnovalidate>Cancel</button></div></form>'
        '<p class="note">This is a simulator with made-up money, not Tradovate.</p>'
    )
    return _page("Sign in", body, 200)


def problem_page(text: str) -> HTMLResponse:
    """A page that says why nobody can sign in through this link. Status 400."""
    body = f'<h1>This sign-in link does not work</h1><p class="bad" role="alert">{escape(text)}</p>'
    return _page("Sign-in link does not work", body, 400)
