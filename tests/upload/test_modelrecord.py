# portable
from mcagent.upload.modelrecord import join_model, split_model


def test_position_and_fragment_survive():
    for position in (1, 255, 2**40):
        assert split_model(join_model(position, b'{"a":1}')) == (position, b'{"a":1}')
    assert join_model(258, b"x") == b"\x02\x01\0\0\0\0\0\0x"
