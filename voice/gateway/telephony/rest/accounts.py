"""The REST interface of each carrier that is configured."""

from ....config.telephony import TelephonyConfig
from ..wire.carriers import Carrier
from .base import CarrierREST
from .exotel import ExotelREST
from .plivo import PlivoREST
from .telnyx import TelnyxREST
from .twilio import TwilioREST
from .vonage import VonageREST


def accounts(config: TelephonyConfig) -> dict[Carrier, CarrierREST]:
    """One interface for each account of the configuration."""
    made: dict[Carrier, CarrierREST] = {}
    if config.twilio is not None:
        made["twilio"] = TwilioREST(config.twilio)
    if config.telnyx is not None:
        made["telnyx"] = TelnyxREST(config.telnyx)
    if config.plivo is not None:
        made["plivo"] = PlivoREST(config.plivo)
    if config.vonage is not None:
        made["vonage"] = VonageREST(config.vonage)
    if config.exotel is not None:
        made["exotel"] = ExotelREST(config.exotel)
    return made
