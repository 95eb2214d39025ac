"""Within what a patient's ID counts, and who contradicts whom about a side; rows of before do not say."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for table, column in (("studies", "issuer_of_patient_id"), ("instances", "laterality_conflict")):
        op.add_column(table, sa.Column(column, sa.Text(), server_default="", nullable=False))
