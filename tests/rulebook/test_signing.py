import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from app.errors import BadSetting
from app.rulebook.bundles.signing import is_name, new_signer, read_signer, read_trusted


def test_who_signed() -> None:
    """A trusted key is found by its signature alone; another key, another text, or no signature is nobody's."""
    ann, ben = new_signer(), new_signer()
    trusted = read_trusted(f"# ours\n\n{ann.public('ann').line()}\n")
    signature = ann.sign(b"manifest")
    found = trusted.signer_of(b"manifest", signature)
    assert found is not None
    assert (found.name, found.id) == ("ann", ann.id)
    assert trusted.signer_of(b"manifest2", signature) is None
    assert trusted.signer_of(b"manifest", ben.sign(b"manifest")) is None
    assert trusted.signer_of(b"manifest", None) is None
    assert trusted.signer_of(None, signature) is None


def test_a_signature_made_for_anything_else_does_not_count() -> None:
    """The same key's signature of the bare bytes, as another program may make it, is none of a manifest."""
    ann = new_signer()
    trusted = read_trusted(ann.public("ann").line())
    assert trusted.signer_of(b"manifest", ann.key.sign(b"manifest")) is None


def test_a_private_key_is_read_back() -> None:
    """From its PEM, and signs as before."""
    ann = new_signer()
    again = read_signer(ann.pem())
    assert again.id == ann.id
    assert again.sign(b"x") == ann.sign(b"x")


def test_what_is_no_private_key() -> None:
    """Neither any bytes nor a key of another kind."""
    other = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for pem in (b"", b"hello", other, new_signer().public("x").line().encode()):
        with pytest.raises(BadSetting, match="keygen"):
            read_signer(pem)


def test_every_bad_line_of_trusted_keys_is_named() -> None:
    """All at once, by its number; and a file without a key is a fault, since nothing could be used."""
    good = new_signer().public("ann").line()
    bad = [good.replace("lens-ed25519", "ssh-ed25519"), "lens-ed25519 AAAA ann", good + " more", "lens-ed25519 !!! ann", "x"]
    with pytest.raises(BadSetting, match=r"line 2, 3, 4, 5, 6: no public key"):
        read_trusted("\n".join([good, *bad]))
    with pytest.raises(BadSetting, match="no public key in the file"):
        read_trusted("# nothing\n")


@pytest.mark.parametrize(
    ("name", "good"), [("ann", True), ("a.b-c_d@e", True), ("", False), ("a b", False), ("-a", False), ("a" * 41, False)]
)
def test_names_of_keys(name: str, good: bool) -> None:  # noqa: FBT001 - a column of the table
    """Short and plain, since they stand in a line of words."""
    assert is_name(name) is good
