"""This module is the schema of the store.

Columns equal to one data element carry its keyword in snake case. Patient identity leaves this room from
``studies`` only, for the page and ``ulna worklist`` alone; instances and results hold whom they name to be
compared.
"""

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    true,
)

from daemon.store.columns import DEAD, NAMES, READING_ORDER, Uid, UtcDateTime, coded, kind, lease, reading

metadata = MetaData(naming_convention=NAMES)

studies = Table(
    "studies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_instance_uid", Uid, nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    # What brought it into this state, a value of `daemon.study.lifecycle.StudyEvent`; see `study_reason`.
    *coded("cause"),
    Column("revision", Integer, nullable=False, default=1),
    # Rises with every instance; a report built on an older generation is not recorded.
    Column("generation", Integer, nullable=False, default=0),
    # 0 STAT, 1 HIGH, 2 MEDIUM, 3 LOW
    Column("priority", Integer, nullable=False),
    # All that came of it had been made long before; as the priority, it follows its newest instance.
    Column("is_old", Boolean, nullable=False, default=False, server_default=false()),
    Column("opened_at", UtcDateTime, nullable=False),
    # When the first view of the present revision came; max_wait_seconds counts from here.
    Column("collecting_since", UtcDateTime, nullable=False),
    Column("last_instance_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("last_association_id", String(64), nullable=False, default=""),
    Column("association_open", Boolean, nullable=False, default=False),
    Column("patient_id", Text, nullable=False, default=""),
    Column("issuer_of_patient_id", Text, nullable=False, default="", server_default=""),
    Column("patient_name", Text, nullable=False, default=""),
    Column("accession_number", Text, nullable=False, default=""),
    Column("study_date", Text, nullable=False, default=""),
    Column("study_description", Text, nullable=False, default=""),
    Column("category", String(16), nullable=False, default=""),
    Column("score", Float),
    # Which part has that score, where the study shows several; what was looked for, as a noun.
    Column("part", Text, nullable=False, default="", server_default=""),
    Column("target", Text, nullable=False, default="", server_default=""),
    Column("model_label", Text, nullable=False, default=""),
    Column("trained", Boolean, nullable=False, default=True, server_default=true()),
    # Why nothing was analyzed, as a clause; empty where something was.
    Column("not_analyzed", Text, nullable=False, default="", server_default=""),
    # The row of `measurements` that outlives the study; which study it was of, nothing says afterwards.
    Column("measurement_id", Integer),
    Column("summary", Text, nullable=False, default=""),
    *lease(),
    *reading(),
    Index("ix_studies_reading", *READING_ORDER, "standing", "state", "last_instance_at"),
    Index("ix_studies_state_standing", "state", "standing", "is_old", "last_instance_at"),
    Index("ix_studies_untrained_label", "untrained_label", "last_instance_at"),
)

instances = Table(
    "instances",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", ForeignKey("studies.id", ondelete="CASCADE"), nullable=False),
    Column("sop_instance_uid", Uid, nullable=False),
    Column("sop_class_uid", Uid, nullable=False),
    Column("series_instance_uid", Uid, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("path", Text, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("source", Text, nullable=False),
    Column("state", String(16), nullable=False),
    # Why it is not in use, as a code of `sr_templates.reason`, and its details in JSON; empty where it is.
    *coded("exclusion"),
    Column("region", String(16), nullable=False, default=""),
    Column("laterality", String(1), nullable=False, default=""),
    # Keywords of the sources that contradict the others about it.
    Column("laterality_conflict", Text, nullable=False, default="", server_default=""),
    Column("projection", String(16), nullable=False, default=""),
    # Manufacturer and model of what made it.
    Column("device", Text, nullable=False, default="", server_default=""),
    # Whom it names; NULL where it came before this was kept, into a study of two patients.
    Column("patient_id", Text),
    Column("issuer_of_patient_id", Text),
    Column("patient_name", Text),
    # Whether the patient was younger than the minimum age that was asked then, or of unknown age.
    Column("age_caution", String(16), nullable=False, default="", server_default=""),
    Column("minimum_age_years", Integer, nullable=False, default=0, server_default="0"),
    Column("bundle_digest", String(64), nullable=False, default=""),
    # What computed its numbers, and in which precision: "torch float32".
    Column("engine", String(64), nullable=False, default="", server_default=""),
    # How the view compares with the training data; NULL where the bundle has no reference.
    Column("input_distance", Float),
    Column("input_warning", String(16), nullable=False, default="", server_default=""),
    # Of the image as stored; NULL where it was analyzed before these were kept.
    Column("image_rows", Integer),
    Column("image_columns", Integer),
    Column("pixel_aspect", Float),
    # JSON, see daemon.store.places; of the newest report.
    Column("places", Text, nullable=False, default="[]", server_default="[]"),
    *lease(),
    UniqueConstraint("sop_instance_uid", "sha256"),
    Index("ix_instances_study_id", "study_id"),
    Index("ix_instances_state", "state"),
)

activations = Table(
    "activations",
    metadata,
    Column("instance_id", ForeignKey("instances.id", ondelete="CASCADE"), primary_key=True),
    Column("member", String(64), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("logit", Float, nullable=False),
    Column("probability", Float, nullable=False),
    Column("vote", Float, nullable=False, server_default="1"),
    # float32 little endian, row by row
    Column("rows", Integer, nullable=False),
    Column("columns", Integer, nullable=False),
    Column("map", LargeBinary, nullable=False),
)

results = Table(
    "results",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", ForeignKey("studies.id", ondelete="CASCADE"), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("kind", String(8), nullable=False),
    Column("sop_instance_uid", Uid, nullable=False, unique=True),
    Column("sop_class_uid", Uid, nullable=False),
    Column("series_instance_uid", Uid, nullable=False),
    Column("source_sop_instance_uid", String(64), nullable=False, default=""),
    Column("path", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # Whom it names.
    Column("patient_id", Text, nullable=False, default="", server_default=""),
    Column("issuer_of_patient_id", Text, nullable=False, default="", server_default=""),
    Column("patient_name", Text, nullable=False, default="", server_default=""),
    Index("ix_results_study_id", "study_id"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("result_id", ForeignKey("results.id", ondelete="CASCADE"), nullable=False),
    Column("destination", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    # What there is to say of it, as a code of `daemon.couriers.remark`, and its details in JSON.
    *coded("remark"),
    Column("retry_at", UtcDateTime),
    Column("sent_at", UtcDateTime),
    *lease(),
    UniqueConstraint("result_id", "destination"),
    Index("ix_deliveries_destination_state", "destination", "state"),
    Index("ix_deliveries_dead", "destination", "result_id", sqlite_where=DEAD, postgresql_where=DEAD),
)

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True),
    # By their UIDs, not by their rows: the history outlives the study.
    Column("study_instance_uid", Uid, nullable=False),
    # Of the instance, or of the result that is delivered; empty in the events of the study itself.
    Column("sop_instance_uid", String(64), nullable=False),
    # Whereto the result is delivered; empty where it is no delivery.
    Column("destination", String(64), nullable=False),
    # Empty where the row came into being.
    Column("old_state", String(16), nullable=False),
    # Empty where the row is gone.
    Column("new_state", String(16), nullable=False),
    Column("cause", String(32), nullable=False),
    Column("author", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_events_study_instance_uid", "study_instance_uid"),
    Index("ix_events_at", "at"),
)

measurements = Table(
    "measurements",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("week", String(8), nullable=False),
    Column("regions", Text, nullable=False),
    Column("devices", Text, nullable=False),
    Column("model_label", Text, nullable=False),
    Column("category", String(16), nullable=False),
    Column("score", Float),
    # What a reader said of it; empty until somebody does.
    Column("verdict", String(16), nullable=False, default="", server_default=""),
    Index("ix_measurements_week", "week"),
)

rejections = Table(
    "rejections",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("rejected_at", UtcDateTime, nullable=False),
    Column("source", Text, nullable=False),
    Column("sop_instance_uid", String(64), nullable=False, default=""),
    # A value of `daemon.store.shown.Refusal`; the reason says it in words.
    Column("cause", String(32), nullable=False),
    Column("reason", Text, nullable=False),
    # How often; associations of one peer that are refused for one reason share a row.
    Column("number", Integer, nullable=False, default=1, server_default="1"),
    Index("ix_rejections_rejected_at", "rejected_at"),
)

# How many rows of studies, instances, deliveries and rejections there are of each kind: the sum of `number`.
# Triggers write a row for each change, so that writers never wait for each other's; see `tallies`.
tallies = Table(
    "tallies",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("counted", String(16), nullable=False),
    *kind(),
    # The date, in UTC, of the last instance of studies that have ended and are not old; else empty.
    Column("day", String(10), nullable=False, default="", server_default=""),
    Column("number", Integer, nullable=False),
)

stages = Table(
    "stages",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("process_id", Integer, nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("condition", Text, nullable=False, default=""),
    Column("notice", Text, nullable=False, server_default=""),
)
