"""The words of options that take one of a few: names of the API's enums without their prefix.

They are written here once more, so that help and completion know them without loading the API.
"""

from enum import StrEnum
from typing import Any


class DriftSeverity(StrEnum):
    OK = "OK"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


class MonitorState(StrEnum):
    PENDING_BASELINE = "PENDING_BASELINE"
    WARMING_UP = "WARMING_UP"
    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


class NotificationSeverity(StrEnum):
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


class NotificationChannel(StrEnum):
    IN_APP = "IN_APP"
    WEBHOOK = "WEBHOOK"


class DeliveryStatus(StrEnum):
    PENDING = "PENDING"
    RETRYING = "RETRYING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    SUPPRESSED = "SUPPRESSED"


class RunStatus(StrEnum):
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class RunEnd(StrEnum):
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class RebuildTarget(StrEnum):
    ALL = "ALL"
    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"


class MeterType(StrEnum):
    INFERENCE_REQUEST = "INFERENCE_REQUEST"
    INFERENCE_TOKENS = "INFERENCE_TOKENS"
    COMPUTE_SECONDS = "COMPUTE_SECONDS"
    STORAGE_BYTES = "STORAGE_BYTES"


class UsageGranularity(StrEnum):
    MONTH = "MONTH"
    DAY = "DAY"


class InvoiceStatus(StrEnum):
    DRAFT = "DRAFT"
    FINALIZED = "FINALIZED"
    PAID = "PAID"
    OVERDUE = "OVERDUE"
    VOID = "VOID"


def number(enum: Any, choice: StrEnum | None) -> Any:
    """The value of the API's enum; for nothing its zero, which asks for everything."""
    zero = enum.DESCRIPTOR.values_by_number[0].name
    return enum.Value(zero if choice is None else zero.removesuffix("UNSPECIFIED") + choice)
