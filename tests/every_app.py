"""The settings with every consumer installed, for what looks at all models: types, and whether a migration is missing."""

import os

os.environ["SUMERU_CONSUMERS"] = "sumeru_proxy.consumers.order_sync,sumeru_proxy.consumers.attribution"

from widgets.settings import *  # noqa: F403
