"""When a quarter runs by itself."""

from __future__ import annotations

from datetime import date

import dagster as dg

from orchestration import periods
from orchestration.settings import Settings
from sources.periods import Quarter, add_working_days


def quarter_schedule(settings: Settings, job: dg.UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """The quarterly run, `working_days_after` working days after the quarter has ended, at six in the morning.

    A cron line cannot count working days: the schedule looks every morning and asks for the run from the day on which
    it is due. The run key keeps it from being made twice, and a morning without power does no harm.
    """

    @dg.schedule(
        name="quarter_schedule",
        cron_schedule="0 6 * * *",
        job=job,
        execution_timezone="Europe/London",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=f"Runs the quarter {settings.council.calendar.working_days_after} working days after it has ended.",
    )
    def due(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        today = context.scheduled_execution_time.date()
        ended = Quarter.last_complete(today)
        day = run_date(ended, settings.council.calendar.working_days_after)
        if today < day:
            return dg.SkipReason(f"{ended} is run on {day:%d %B %Y}.")
        last = settings.council.calendar.last_period
        if last and Quarter.parse(last) < ended:
            return dg.SkipReason(f"The history of {settings.council.name} ends with {last}.")
        return dg.RunRequest(run_key=ended.code, tags=periods.run_tags(settings.council.first_quarter, ended))

    return due


def run_date(quarter: Quarter, working_days_after: int) -> date:
    """The day on which `quarter` is run: so many working days after its last day."""
    return add_working_days(quarter.end, working_days_after)
