"""Within what a patient's ID counts; studies of before do not say."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("studies", sa.Column("issuer_of_patient_id", sa.Text(), server_default="", nullable=False))
