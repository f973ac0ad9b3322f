"""Users, roles, passwords, server sessions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from xnat_import_server import Account, Role, Users, tables
from xnat_import_server.accounts import is_admin
from xnat_import_server.logins import Logins
from xnat_import_server.passwords import Passwords

from xnat_import_core.database import Database
from xnat_import_core.errors import InvalidRequestError, NotFoundError
from xnat_import_core.models import Action, Principal


@pytest.fixture
def database(tmp_path):
    made = Database(f"sqlite:///{tmp_path}/users.db", busy_timeout=5)
    yield made
    made.close()


@pytest.fixture
def users(database):
    made = Users(database)
    made.migrate()
    made.migrate()
    return made


def test_a_password_opens_its_own_account_only(users):
    users.add("anna", "right")
    users.add("bob", "other", admin=True)
    assert users.authenticate("anna", "right") == Account("anna")
    assert users.authenticate("bob", "other") == Account("bob", admin=True)
    for name, password in [("anna", "other"), ("anna", ""), ("carl", "right"), ("Anna", "right"), ("", "")]:
        assert users.authenticate(name, password) is None


def test_a_new_password_ends_the_old_one_and_a_disabled_user_is_nobody(users):
    users.add("anna", "old")
    assert users.authenticate("anna", "old")
    users.add("anna", "new")
    assert users.authenticate("anna", "old") is None
    assert users.authenticate("anna", "new")
    users.disable("anna")
    assert users.authenticate("anna", "new") is None
    assert users.find("anna") is None
    with pytest.raises(NotFoundError):
        users.disable("carl")


def test_a_hash_of_another_cost_is_checked_and_made_anew_at_the_next_login(users, database):
    costly = Users(database, Passwords(PasswordHasher(time_cost=1, memory_cost=16384, parallelism=2)))
    costly.add("anna", "right")
    assert users.authenticate("anna", "wrong") is None
    assert "m=16384,t=1,p=2$" in stored(database).hash
    assert users.authenticate("anna", "right")
    renewed = stored(database).hash
    assert "m=9216,t=4,p=1$" in renewed
    assert users.authenticate("anna", "right")
    assert users.authenticate("anna", "wrong") is None
    assert stored(database).hash == renewed


def stored(database):
    with database.read() as connection:
        return connection.execute(tables.user.select()).one()


def test_passwords_are_kept_as_argon2id_hashes(users, database):
    users.add("anna", "secret words")
    assert stored(database).hash.startswith("$argon2id$")
    assert "secret words" not in repr(stored(database))


def test_an_unknown_user_costs_a_hash_too(users):
    checked = []

    class Recording(PasswordHasher):
        def verify(self, stored, password):
            checked.append(stored)
            return super().verify(stored, password)

    counted = Users(users.database, Passwords(Recording()))
    assert counted.authenticate("nobody", "x") is None
    assert counted.authenticate("nobody", "x") is None
    assert [stored.startswith("$argon2id$") for stored in checked] == [True, True]


def test_what_a_role_may(users):
    users.add("anna", "pw")
    for project, role in [("A", Role.OWNER), ("B", Role.MEMBER), ("C", Role.COLLABORATOR), ("D", Role.OWNER)]:
        users.set_role("anna", project, role)
    users.set_role("anna", "D", None)
    anna = users.find("anna")
    assert isinstance(anna, Principal)
    may = {project: {action.value for action in Action if anna.may(action, project)} for project in "ABCDE"}
    assert may == {
        "A": {"read", "create", "edit", "delete", "own"},
        "B": {"read", "create", "edit"},
        "C": {"read"},
        "D": set(),
        "E": set(),
    }
    assert {action for action in Action if anna.may(action, None)} == {Action.CREATE}
    assert not is_admin(anna)
    assert is_admin(Account("root", admin=True))
    with pytest.raises(NotFoundError):
        users.set_role("carl", "A", Role.OWNER)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a:b", "x" * 65, "ä"])
def test_a_name_that_is_none_is_refused(users, name):
    with pytest.raises(InvalidRequestError):
        users.add(name, "pw")


def test_the_first_admin_is_made_once(users):
    password = users.add_first_admin()
    assert is_admin(users.authenticate("admin", password))
    assert users.add_first_admin() is None
    assert users.add_first_admin("another") is None
    assert users.authenticate("admin", "another") is None


def test_the_first_admin_may_be_given_a_password(users):
    assert users.add_first_admin("given") is None
    assert is_admin(users.authenticate("admin", "given"))


def test_a_login_is_found_by_its_cookie_until_it_is_closed(users):
    logins = Logins(users.database)
    login = logins.open("anna")
    assert logins.open("anna").cookie != login.cookie
    assert Logins(users.database).find(login.cookie) == login, "a restart logs nobody out"
    assert logins.find(login.cookie[:-1]) is None
    logins.close(login.cookie)
    assert logins.find(login.cookie) is None


def test_a_login_expires_but_not_while_a_request_of_it_runs(users):
    logins = Logins(users.database, life=timedelta(0))
    login = logins.open("anna")
    with logins.busy(login):
        logins.open("anna")
        assert logins.find(login.cookie) == login
    assert logins.find(login.cookie) is None


def test_a_user_has_so_many_logins_at_a_time(users):
    logins = Logins(users.database, most=3)
    opened = [logins.open("anna") for _ in range(5)]
    other = logins.open("bob")
    assert [bool(logins.find(login.cookie)) for login in opened] == [False, False, True, True, True]
    assert logins.find(other.cookie)


def test_the_cookie_itself_is_not_kept(users):
    login = Logins(users.database).open("anna")
    with users.database.read() as connection:
        assert login.cookie not in repr(connection.execute(tables.login.select()).all())
