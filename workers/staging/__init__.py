"""Brings what a job needs to where its cluster can fetch it."""

from .allowed import SourceRules
from .area import Staging
from .errors import StagingDelayed
from .plan import FileToStage, StagingPlan, plan_staging
from .run_script import RunScript, run_script
from .sources import is_loopback
from .stage import StagedFile

__all__ = [
    # What a job needs
    "FileToStage",
    "StagingPlan",
    "plan_staging",
    # Bringing it there
    "StagedFile",
    "Staging",
    "StagingDelayed",
    # What a site lets jobs fetch
    "SourceRules",
    "is_loopback",
    # The script that its step is
    "RunScript",
    "run_script",
]
