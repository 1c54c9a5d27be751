"""Signs a folder with model-signing as `settings` (one JSON argument) says; what its command line lacks too: shards and other hashes."""
import json
import sys

import model_signing

settings = json.loads(sys.argv[1])
hashing = model_signing.hashing.Config().set_ignored_paths(
    paths=[settings["signature"], *settings.get("ignore_paths", [])]
)
options = {"hashing_algorithm": settings.get("algorithm", "sha256")}
if "shard_size" in settings:
    hashing.use_shard_serialization(shard_size=settings["shard_size"], **options)
else:
    hashing.use_file_serialization(**options)
hashing.set_allow_symlinks(settings.get("allow_symlinks", False))

signing = model_signing.signing.Config().set_hashing_config(hashing)
if "certificate" in settings:
    signing.use_certificate_signer(
        private_key=settings["private_key"],
        signing_certificate=settings["certificate"],
        certificate_chain=settings.get("chain", []),
    )
else:
    signing.use_elliptic_key_signer(private_key=settings["private_key"])
signing.sign(settings["model"], settings["signature"])
