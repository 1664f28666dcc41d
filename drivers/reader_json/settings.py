"""Settings of a reader that publishes JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from drivers.settings import DeviceSettings

Topic = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00]+$")]
Antenna = Annotated[int, Field(ge=1, le=255)]
PORTS = {("mqtt", False): 1883, ("mqtt", True): 8883, ("http", False): 80, ("http", True): 443}


class ReaderJsonSettings(DeviceSettings):
    kind: Literal["reader_json"] = Field("reader_json", description="An RFID reader that publishes JSON by itself.")
    dialect: Literal["impinj", "zebra"] = Field(
        description="impinj: IoT device interface (R700 and its kin). zebra: IoT Connector (FX7500, FX9600, FXR90)."
    )
    transport: Literal["mqtt", "http"] = Field(
        "mqtt", description="mqtt: from a broker that the reader publishes to. http: the stream of an Impinj reader."
    )
    host: str = Field(min_length=1, max_length=253, description="Name or address of the broker, or of the reader.")
    port: int | None = Field(
        None, ge=1, le=65_535, description="Its port; absent: MQTT 1883, with TLS 8883; HTTP 80, with TLS 443."
    )
    topics: Annotated[tuple[Topic, ...], Field(min_length=1, max_length=16)] | None = Field(
        None, description="MQTT: the topics of this one reader, tag data and events; + and # may stand for parts."
    )
    qos: Literal[0, 1, 2] = Field(1, description="MQTT: the quality that is asked for.")
    keepalive_s: int = Field(
        15,
        ge=5,
        le=600,
        description="MQTT: how often a silent broker is asked; without an answer for as long again it is lost.",
    )
    stream_path: str = Field(
        "/api/v1/data/stream",
        min_length=1,
        max_length=512,
        pattern=r"^/[!-~]*$",
        description="HTTP: where the stream is.",
    )
    username: str | None = Field(None, max_length=256, description="Name of the account, if one is needed.")
    password_file: Path | None = Field(
        None, description="File with its password. A relative path begins where jaego runs."
    )
    tls: bool = Field(default=False, description="Encrypt the connection.")
    tls_check: bool = Field(default=True, description="Check the certificate; false for the reader's own.")
    tls_ca_file: Path | None = Field(None, description="Authority of the certificate; absent: those of the system.")
    connect_timeout_s: float = Field(5.0, gt=0, le=60, description="How long connecting may take.")
    line_bytes_max: int = Field(
        262_144, ge=1024, le=1_000_000, description="A longer document is reported and not read."
    )
    antennas: Annotated[tuple[Antenna, ...], Field(max_length=64)] = Field(
        (), description="Antennas that must be connected. Others are watched once they were connected or read a tag."
    )
    silence_s: float = Field(
        30.0, ge=1, le=86_400, description="After so long without a tag a notice says why, as far as it is known."
    )
    heartbeat_s: float | None = Field(
        None,
        ge=1,
        le=3600,
        description="How often the reader sends a heartbeat, or an empty line on its stream, as set in the reader. "
        "Silent for twice as long, it is lost. Absent: silence is no loss.",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.transport == "http" and self.dialect != "impinj":
            raise ValueError('transport "http" is for dialect "impinj"; Zebra readers publish by MQTT')
        if (self.transport == "mqtt") != (self.topics is not None):
            raise ValueError('topics must be given with transport "mqtt", and only with it')
        if (self.username is None) != (self.password_file is None):
            raise ValueError("username and password_file go together")
        return self

    @property
    def port_used(self) -> int:
        return self.port if self.port is not None else PORTS[self.transport, self.tls]
