from pathlib import Path

import trustme

from tests.cli.programs import Program, client, lens, release, until


def pem(folder: Path, authority: trustme.CA) -> dict[str, str]:
    """Certificates of the switch and of LENS, and their authority's, as files."""
    files = {}
    authority.cert_pem.write_to_path(folder / "ca.pem")
    for name, identity in (("switch", "127.0.0.1"), ("lens", "lens.example")):
        made = authority.issue_cert(identity)
        made.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
        made.private_key_pem.write_to_path(folder / f"{name}.key")
    for file in ("ca.pem", "switch.pem", "switch.key", "lens.pem", "lens.key"):
        files[file] = str(folder / file)
    return files


def test_the_simulated_network_speaks_tls_and_asks_for_a_certificate(tmp_path: Path) -> None:
    """LENS sends over it with the certificate that the switch asks for."""
    file = pem(tmp_path, trustme.CA())
    ours = tmp_path / "ours"
    ours.mkdir(mode=0o700)
    tls = ["--tls-cert", file["switch.pem"], "--tls-key", file["switch.key"], "--tls-client-ca", file["ca.pem"]]
    with Program(tmp_path, ["switch", "--port", "0", "--control-port", "0", *tls]) as switch:
        address = switch.hears("takes messages at").partition("takes messages at ")[2].partition(";")[0]
        settings = {
            "LENS_CHANNEL": "tcp",
            "LENS_SWITCH_ADDRESS": address,
            "LENS_SWITCH_TLS_CA": file["ca.pem"],
            "LENS_SWITCH_TLS_CERT": file["lens.pem"],
            "LENS_SWITCH_TLS_KEY": file["lens.key"],
        }
        with Program(ours, ["serve", "--port", "0"], settings) as program, client(program.url()) as api:
            assert api.post("/v1/releases", content=release("T-1")).status_code == 201
            until(lambda: {each["status"] for each in api.get("/v1/messages").json()["items"]} == {"sent"})


def test_files_of_tls_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    """By the option that names them."""
    file = pem(tmp_path, trustme.CA())
    for words, told in (
        (("--tls-cert", file["switch.pem"]), "--tls-key"),
        (("--tls-client-ca", file["ca.pem"]), "--tls-cert"),
        (("--tls-cert", file["switch.pem"], "--tls-key", file["lens.key"]), "cannot be used"),
        (("--tls-cert", str(tmp_path / "none.pem"), "--tls-key", file["lens.key"]), "No such file"),
        (
            ("--tls-cert", file["switch.pem"], "--tls-key", file["switch.key"], "--tls-client-ca", file["lens.key"]),
            "--tls-client-ca",
        ),
    ):
        refused = lens(tmp_path, "switch", *words)
        assert refused.returncode == 2
        assert told in refused.stderr, words
