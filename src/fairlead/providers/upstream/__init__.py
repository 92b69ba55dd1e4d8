"""The HTTP side of simulated and recorded models: the exact wire shapes of each dialect, and their faults."""

from fairlead.providers.upstream.app import Upstream
from fairlead.providers.upstream.reply import Asked, Reply, Responder
from fairlead.providers.upstream.serving import serving

__all__ = ["Asked", "Reply", "Responder", "Upstream", "serving"]
