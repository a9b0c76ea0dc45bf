"""Facts and their leads: leads that are set aside, merged leads, ids that name nothing."""

from __future__ import annotations
