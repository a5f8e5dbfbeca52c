"""How long the machines play: quickly by default, PAYLAYER_MODEL_EXAMPLES=n and PAYLAYER_MODEL_STEPS=m play longer."""

import os

from hypothesis import HealthCheck, Phase, settings

_EXAMPLES = os.environ.get("PAYLAYER_MODEL_EXAMPLES")
_STEPS = os.environ.get("PAYLAYER_MODEL_STEPS")


def profile(examples: int, steps: int) -> settings:
    """Settings for so many plays of so many steps at most, unless the environment asks for others.

    A short run plays the same plays every time, so that it fails for everybody or for nobody; a long one looks for
    new ones and prints how to play a failure again.
    """
    return settings(
        max_examples=int(_EXAMPLES) if _EXAMPLES else examples,
        stateful_step_count=int(_STEPS) if _STEPS else steps,
        deadline=None,
        derandomize=_EXAMPLES is None,
        database=None,
        print_blob=True,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
