"""Signatures of rulebook bundles: ed25519. The one door to cryptography.

A public key is one line of text, `lens-ed25519 BASE64 NAME`; a file of trusted keys has one a line, with `#` before a remark. A
private key is PEM (PKCS 8), for the eyes of its owner alone.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from app.errors import BadSetting

_KIND = "lens-ed25519"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,39}")
_PURPOSE = b"LENS rulebook manifest v1\n"
"""Stands before what is signed, so that a signature made for anything else can never pass for one of a rulebook."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Who may sign: `raw` is the 32 bytes of the key, `name` whose it is."""

    raw: bytes
    name: str

    @property
    def id(self) -> str:
        """16 hexadecimal digits that name the key."""
        return hashlib.sha256(self.raw).hexdigest()[:16]

    def line(self) -> str:
        """The key as a line of a file of trusted keys."""
        return f"{_KIND} {base64.b64encode(self.raw).decode()} {self.name}"


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key at work."""

    key: Ed25519PrivateKey

    @property
    def id(self) -> str:
        """The id of its public key."""
        return self.public("").id

    def public(self, name: str) -> PublicKey:
        """Its public key, as that of `name`."""
        return PublicKey(self.key.public_key().public_bytes_raw(), name)

    def sign(self, message: bytes) -> bytes:
        """The signature of a manifest: 64 bytes."""
        return self.key.sign(_PURPOSE + message)

    def pem(self) -> bytes:
        """The private key as a file holds it."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def new_signer() -> Signer:
    """A new private key."""
    return Signer(Ed25519PrivateKey.generate())


def read_signer(pem: bytes) -> Signer:
    """A private key from its file. Raises BadSetting when it is none, or not of this kind."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadSetting("this is no private key; make one with `lens rulebook keygen`") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadSetting("this private key is not an ed25519 one; make one with `lens rulebook keygen`")
    return Signer(key)


def is_name(text: str) -> bool:
    """Whether a key may be called so: 1 to 40 letters, digits, `.`, `_`, `@` and `-`."""
    return _NAME.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Trusted:
    """The keys whose signature counts, by their id."""

    keys: Mapping[str, PublicKey]

    def signer_of(self, manifest: bytes | None, signature: bytes | None) -> PublicKey | None:
        """The trusted key that signed this manifest, or None when none did."""
        if manifest is None or signature is None:
            return None
        for key in self.keys.values():
            try:
                Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, _PURPOSE + manifest)
            except InvalidSignature:
                continue
            return key
        return None


def read_trusted(text: str) -> Trusted:
    """The keys of a file of trusted keys. Raises BadSetting that names every line that is none, or says that there is no key."""
    keys: dict[str, PublicKey] = {}
    bad = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key = _public_key(line)
        if key is None:
            bad.append(number)
        else:
            keys[key.id] = key
    if bad:
        raise BadSetting(
            f"line {', '.join(map(str, bad))}: no public key; a line is `{_KIND} BASE64 NAME`, as keygen writes it"
        )
    if not keys:
        raise BadSetting("there is no public key in the file, so no rulebook could ever be used")
    return Trusted(keys)


def _public_key(line: str) -> PublicKey | None:
    words = line.split()
    if len(words) != 3 or words[0] != _KIND or not is_name(words[2]):
        return None
    try:
        raw = base64.b64decode(words[1], validate=True)
        Ed25519PublicKey.from_public_bytes(raw)
    except (binascii.Error, ValueError):
        return None
    return PublicKey(raw, words[2])
