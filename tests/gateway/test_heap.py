import gc
import weakref

import pytest

from fairlead.gateway import heap


@pytest.fixture(autouse=True)
def _as_before():
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


class Configuration:
    def __init__(self):
        self.itself = self  # only the collector ends this


def test_a_configuration_that_was_replaced_does_not_stay_for_good():
    configuration = Configuration()
    gone = weakref.ref(configuration)
    heap.settle()
    del configuration
    gc.collect()
    assert gone() is not None  # it was taken for permanent, so the collector passes it by
    heap.settle()
    assert gone() is None
