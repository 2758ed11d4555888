"""The control comes first: flights of the months that were learned from, which the model has not seen."""

from fp_flights.story import predict, watch
from fp_flights.story.calendar import Calendar
from fp_flights.story.labels import Labels
from fp_flights.story.narrator import Narrator
from fp_flights.story.predictions import Predictions
from fp_flights.story.session import Session


async def control(session: Session, narrator: Narrator, calendar: Calendar, since: str) -> tuple[Predictions, int]:
    """The predictions, and how many alarms the monitor raised about them. since: an id from before.

    Their outcomes are known already: they are sent in order when the last has been predicted.
    """
    predicted = Predictions(calendar.control)
    await predict.predict_flights(session, narrator, predicted, None, run=f"{since}/control")
    labels = Labels(session, predicted)
    await labels.settle()
    found = await watch.reports(session, since)
    alarms = watch.alarms(found)
    narrator.say(f"{labels.accepted} labels, {len(found)} windows judged, {len(alarms)} alarms")
    for report in alarms:
        narrator.say(f"alarm: {watch.kind(report)}, {', '.join(sorted({m.name for m in report.metrics}))}")
    await watch.forget_open_windows(session)
    return predicted, len(alarms)
