"""Sign-in by password or one-time link, sign-out, and one's own password."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from sqlalchemy.orm import Session
from starlette.responses import RedirectResponse, Response

from app.dashboard.contexts.accounts import AccountPage, LinkPage, SignInPage
from app.dashboard.contexts.shell import Notice, Shell
from app.dashboard.forms import FormDep
from app.dashboard.frames import shell_for
from app.dashboard.rendering import render
from app.db.session import transaction
from app.domain.errors import InvalidInput, NotAuthenticated, TooMany
from app.security.browser_sessions import LONGEST, cookie_name
from app.security.permissions import Principal
from app.services import accounts, browser_sessions, demo, password_tries, samples
from app.services.browser_sessions import SignedIn
from app.web.dependencies import (
    PrincipalDep,
    SessionDep,
    SessionsDep,
    SessionTokenDep,
    SettingsDep,
    is_https,
    public,
    signed_in,
)
from app.web.errors import status_of

router = APIRouter()
HOME: Final = "/samples"


def sets_https_cookie(settings: SettingsDep) -> bool:
    return is_https(settings)


IsHttpsDep = Annotated[bool, Depends(sets_https_cookie)]


@router.get("/", dependencies=[signed_in])
def get_home() -> Response:
    return RedirectResponse(HOME, status_code=303)


@router.get("/sign-in", dependencies=[public])
def get_sign_in(next: str = HOME) -> Response:  # noqa: A002  the name in the address
    return render("sign_in.html", Shell("Sign in"), SignInPage("", _own_path(next)))


@router.post("/sign-in", dependencies=[public])
def post_sign_in(
    request: Request, form: FormDep, sessions: SessionsDep, https: IsHttpsDep
) -> Response:
    next_path = _own_path(form["next"])
    try:
        with transaction(sessions) as session:
            password_tries.begin_try(session, name=form["name"], address=_address(request))
        with transaction(sessions) as session:
            browser = accounts.sign_in_with_password(session, form["name"], form["password"])
    except (NotAuthenticated, TooMany) as error:
        page = SignInPage(form["name"], next_path, Notice(error.message))
        answer = render("sign_in.html", Shell("Sign in"), page, status=status_of(error))
        if isinstance(error, TooMany):
            answer.headers["Retry-After"] = str(error.extra["retry_after_seconds"])
        return answer
    return _enter(browser, next_path, https=https)


@router.get("/sign-in/{token}", dependencies=[public])
def get_link(token: str) -> Response:
    """Only shown: programs that preview links must not use it up."""
    return render("sign_in_link.html", Shell("Welcome"), LinkPage(token))


@router.post("/sign-in/{token}", dependencies=[public])
def post_link(token: str, form: FormDep, sessions: SessionsDep, https: IsHttpsDep) -> Response:
    """Sign in and set the password, both or neither: a weak password leaves the link unused."""
    try:
        with transaction(sessions) as session:
            browser = accounts.sign_in_with_link(session, token)
            principal = browser_sessions.authenticate(session, browser.token)
            if form["action"] != "later":
                browser = accounts.set_password(session, principal, new=form["password"])
            landing = _landing(session, principal)
    except NotAuthenticated as error:
        refused = SignInPage("", HOME, Notice(error.message))
        return render("sign_in.html", Shell("Sign in"), refused, status=401)
    except InvalidInput as error:
        page = LinkPage(token, Notice(error.message))
        return render("sign_in_link.html", Shell("Welcome"), page, status=422)
    return _enter(browser, landing, https=https)


@router.post("/sign-out", dependencies=[signed_in])
def post_sign_out(session: SessionDep, token: SessionTokenDep, https: IsHttpsDep) -> Response:
    accounts.sign_out(session, token or "")
    answer = RedirectResponse("/sign-in", status_code=303)
    answer.delete_cookie(cookie_name(is_https=https), path="/")
    return answer


@router.get("/account", dependencies=[signed_in])
def get_account(session: SessionDep, principal: PrincipalDep, saved: bool = False) -> Response:  # noqa: FBT001, FBT002  a query parameter
    account = accounts.get_account(session, principal)
    notice = Notice("The password was saved.", "good") if saved else None
    page = AccountPage(account.name, account.role.value, account.has_password, notice)
    return render("account.html", shell_for(principal, "Account", ""), page)


@router.post("/account/password", dependencies=[signed_in])
def post_password(
    request: Request,
    form: FormDep,
    sessions: SessionsDep,
    principal: PrincipalDep,
    https: IsHttpsDep,
) -> Response:
    try:
        if form["current"]:
            with transaction(sessions) as session:
                password_tries.begin_try(session, name=principal.name, address=_address(request))
        with transaction(sessions) as session:
            browser = accounts.set_password(
                session, principal, new=form["password"], current=form["current"] or None
            )
    except (InvalidInput, TooMany) as error:
        has_password = "current" in form
        page = AccountPage(
            principal.name, principal.role.value, has_password, Notice(error.message)
        )
        shell = shell_for(principal, "Account", "")
        return render("account.html", shell, page, status=status_of(error))
    return _enter(browser, "/account?saved=true", https=https)


def _landing(session: Session, principal: Principal) -> str:
    """A finished demonstration sample while there is nothing else; afterwards the list."""
    newest = samples.list_samples(session, principal, limit=len(demo.DONORS) + 1).items
    first = demo.first_sample_id(session)
    is_new_here = all(sample.is_demonstration for sample in newest)
    return f"{HOME}/{first}" if first and is_new_here else HOME


def _enter(browser: SignedIn, path: str, *, https: bool) -> Response:
    answer = RedirectResponse(path, status_code=303)
    answer.set_cookie(
        cookie_name(is_https=https),
        browser.token,
        max_age=int(LONGEST.total_seconds()),
        path="/",
        secure=https,
        httponly=True,
        samesite="lax",
    )
    return answer


def _address(request: Request) -> str:
    """Where a try comes from; a proxy's word is taken only where the server was told to."""
    return "unknown" if request.client is None else request.client.host


def _own_path(path: str) -> str:
    """Only a path of this site: a sign-in must not send anybody elsewhere."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_own else HOME
