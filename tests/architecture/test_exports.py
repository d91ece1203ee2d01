"""What `__all__` promises exists; what users see is documented; settings have defaults."""

import dataclasses
import importlib
import inspect
import pkgutil

import pytest

import rtcpeer

NAMES = sorted(module.name for module in pkgutil.walk_packages(rtcpeer.__path__, "rtcpeer."))


@pytest.mark.parametrize("name", ["rtcpeer", *NAMES])
def test_all_names_exist(name):
    module = importlib.import_module(name)
    promised = getattr(module, "__all__", [])
    assert [one for one in promised if not hasattr(module, one)] == []
    assert len(set(promised)) == len(promised)


def members(owner):
    for name, member in vars(owner).items():
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property | classmethod)):
            yield name, member


@pytest.mark.parametrize("name", [one for one in rtcpeer.__all__ if not one.startswith("_")])
def test_what_users_see_has_docstrings(name):
    exported = getattr(rtcpeer, name)
    assert inspect.getdoc(exported)
    if inspect.isclass(exported):
        missing = [member for member, value in members(exported) if not inspect.getdoc(value)]
        assert missing == []


def settings():
    for name in NAMES:
        for member in vars(importlib.import_module(name)).values():
            if inspect.isclass(member) and member.__name__.endswith("Settings") and member.__module__ == name:
                yield member


@pytest.mark.parametrize("one", list(settings()), ids=lambda one: one.__name__)
def test_settings_are_frozen_and_have_defaults(one):
    assert dataclasses.is_dataclass(one)
    assert one.__dataclass_params__.frozen
    one()
