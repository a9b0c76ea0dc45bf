"""The answers of the endpoint as pydantic models, and their JSON Schemas.

An answer is built as a plain dict, since a thousand leads are answered in half a second; a test
validates every kind of answer of a server against these models. ``AnswerJson`` is published as
``Answer``, and so on.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, WithJsonSchema
from pydantic.json_schema import (
    GenerateJsonSchema,
    JsonSchemaValue,
    SkipJsonSchema,
    models_json_schema,
)

from scoring_ml.data.schema import CRITERIA, GROUPS
from serving.refusals import STATUS

_REF: Final = "#/components/schemas/{model}"

_Tier = Literal["hot", "warm", "cold"]
_Share = Annotated[float, Field(ge=0, le=1)]
_Moment = Annotated[datetime, Field(examples=["2026-11-22T09:30:00Z"])]
_Criterion = Annotated[str, Field(json_schema_extra={"enum": [*GROUPS]})]
_CriterionPoints = Annotated[
    dict[str, float],
    WithJsonSchema(
        {"type": "object", "properties": {name: {"type": "number"} for name in CRITERIA}}
    ),
]


class ModelNameJson(BaseModel):
    """The version that answers."""

    name: str
    version: str
    kind: str
    policy: str | None


class ObservedJson(BaseModel):
    """How leads with the same answer ended in training."""

    leads: int = Field(ge=0)
    won_share: _Share


class ContributionJson(BaseModel):
    """The points of one field."""

    field: str
    criterion: _Criterion
    label: str
    value: str | None
    points: float
    text: str
    observed: ObservedJson | SkipJsonSchema[None] = None


class MatrixJson(BaseModel):
    """The points of the hand-built matrix."""

    total: int = Field(ge=0)
    max: int
    tier: _Tier
    criteria: _CriterionPoints
    against_mean: _CriterionPoints
    unknown: list[Annotated[str, Field(json_schema_extra={"enum": [*CRITERIA]})]]


class AskNextJson(BaseModel):
    """A missing field, and the most points that an answer could add."""

    field: str
    could_add: float


class AnswerJson(BaseModel):
    """A scored lead."""

    lead_id: str | None
    score: int = Field(
        ge=0, examples=[74], description="Base, reasons, other and limit add up to it exactly."
    )
    score_max: int = Field(examples=[100])
    tier: _Tier = Field(description="Read from the score: 70 and more is hot, 50 and more is warm.")
    action: str = Field(examples=["start_sales_process", "first_call_then_rescore", "nurture"])
    probability: _Share | None = Field(
        description="Calibrated chance that the lead is won, 0 to 1; null where too few outcomes "
        "were known."
    )
    base_points: float
    reasons: list[ContributionJson]
    other_points: float
    limit_points: float
    matrix: MatrixJson
    completeness: _Share | None
    ask_next: list[AskNextJson]
    warnings: list[str]
    ignored_fields: list[str]
    model: ModelNameJson
    scored_at: _Moment
    request_id: str


class ExplanationJson(AnswerJson):
    """A scored lead with the points of every field."""

    contributions: list[ContributionJson]
    rounding_points: float


class FieldErrorJson(BaseModel):
    """What is wrong with one field."""

    field: str
    message: str


class ErrorDetailJson(BaseModel):
    """What is wrong, in words and by field."""

    code: str = Field(json_schema_extra={"enum": [*sorted(STATUS)]})
    message: str
    fields: list[FieldErrorJson]


class ErrorJson(BaseModel):
    """A refused request."""

    error: ErrorDetailJson
    request_id: str


class LeadErrorJson(ErrorJson):
    """A refused lead of a batch; its ``lead_id`` as it was sent, if one was."""

    lead_id: str | int | SkipJsonSchema[None] = None


class BatchItemJson(RootModel[AnswerJson | LeadErrorJson]):
    """A lead of a batch, scored or refused."""


class PendingErrorJson(BaseModel):
    """Why the version that was promoted is not the one that serves."""

    version: str | None
    code: Literal["unreadable", "missing", "integrity", "does_not_load"]
    message: str
    since: _Moment


class ServingJson(BaseModel):
    """The version in service."""

    version: str
    loaded_at: _Moment


class ModelJson(BaseModel):
    """The card of what is serving; it holds more for people to read."""

    model_config = ConfigDict(extra="allow")

    model: ModelNameJson
    score_max: int
    serving: ServingJson
    pending_error: PendingErrorJson | None
    example: dict[str, Any]
    request_id: str


class _Schemas(GenerateJsonSchema):
    """Schemas by their published names, without what says nothing to a client."""

    def normalize_name(self, name: str) -> str:
        return super().normalize_name(name).removesuffix("Json")

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])  # None stands for a name that is absent


def ref(name: str) -> JsonSchemaValue:
    """Return the reference to a schema by its published name."""
    return {"$ref": _REF.format(model=name)}


def answer_schemas() -> dict[str, JsonSchemaValue]:
    """Return the schemas of all answers by their published names."""
    models = (AnswerJson, ExplanationJson, BatchItemJson, ModelJson, ErrorJson)
    _, whole = models_json_schema(
        [(model, "validation") for model in models], ref_template=_REF, schema_generator=_Schemas
    )
    schemas: dict[str, JsonSchemaValue] = whole["$defs"]
    for schema in schemas.values():
        del schema["title"]
    schemas["Model"]["properties"]["example"] = ref("Lead")
    return schemas
