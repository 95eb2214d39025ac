"""Whom each instance and each result names, so that a study of two patients can be corrected.

What came before into a study of two patients says nothing, until it comes again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_PATIENT = ("patient_id", "issuer_of_patient_id", "patient_name")


def upgrade() -> None:
    for column in _PATIENT:
        op.add_column("instances", sa.Column(column, sa.Text()))
        op.add_column("results", sa.Column(column, sa.Text(), server_default="", nullable=False))
    columns = ", ".join(_PATIENT)
    of_its_study = f"({columns}) = (SELECT {columns} FROM studies WHERE studies.id = study_id)"
    one_patient = "SELECT id FROM studies WHERE NOT (state = 'failed' AND cause = 'patient mismatch')"
    op.execute(f"UPDATE instances SET {of_its_study} WHERE study_id IN ({one_patient})")
    # A study keeps the patient whom it named first, and that one's are the results.
    op.execute(f"UPDATE results SET {of_its_study}")
