"""What results say of patient, side, age, part, target and place; rows of before do not say."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for table, column, default in (
        ("studies", "issuer_of_patient_id", ""),
        ("studies", "part", ""),
        ("studies", "target", ""),
        ("instances", "laterality_conflict", ""),
        ("instances", "places", "[]"),
    ):
        op.add_column(table, sa.Column(column, sa.Text(), server_default=default, nullable=False))
    op.add_column("studies", sa.Column("is_old", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("instances", sa.Column("age_caution", sa.String(16), server_default="", nullable=False))
    op.add_column(
        "instances", sa.Column("minimum_age_years", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("instances", sa.Column("image_rows", sa.Integer()))
    op.add_column("instances", sa.Column("image_columns", sa.Integer()))
    op.add_column("instances", sa.Column("pixel_aspect", sa.Float()))
