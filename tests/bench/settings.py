"""The portal's own settings, with an empty page beside its pages (urls)."""

from portal.settings import *  # noqa: F403

ROOT_URLCONF = "tests.bench.urls"
