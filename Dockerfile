# Two stages on the same Debian: the first has a compiler and builds a wheel of everything (durable-rules is C and comes as source
# only), the second gets the finished environment and has no compiler and no pip. Every package is pinned and hashed in the lock
# files. `make docker-steps` runs these very steps in a clean Debian root, where no container engine is at hand.

FROM debian:trixie-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates gcc libc6-dev python3-dev python3-venv
WORKDIR /build
COPY requirements-build.lock requirements.lock ./
RUN python3 -m venv /opt/build && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock
# The definition is for Python 3.13, which renamed a call that durable-rules makes; before 3.13 it changes nothing.
RUN CC="gcc -DPyEval_CallObject=PyObject_CallObject" /opt/build/bin/pip wheel --no-cache-dir --require-hashes --no-build-isolation \
    --use-pep517 --wheel-dir /wheels -r requirements.lock
COPY pyproject.toml README.md ./
COPY app ./app
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .
RUN python3 -m venv --without-pip /opt/lens && \
    /opt/build/bin/pip --python /opt/lens/bin/python install --no-cache-dir --no-index --no-deps --compile /wheels/*.whl

FROM debian:trixie-slim AS run
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates python3 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --user-group --home-dir /var/lib/lens --create-home --shell /usr/sbin/nologin lens
COPY --from=build /opt/lens /opt/lens
COPY rules /etc/lens/rules
COPY ref_data /etc/lens/ref_data
ENV PATH=/opt/lens/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    LENS_RULEBOOK_DIR=/etc/lens \
    LENS_DATABASE_URL=sqlite:////var/lib/lens/lens.db \
    LENS_SPOOL_DIR=/var/lib/lens/spool \
    LENS_ARRIVALS_DIR=/var/lib/lens/arrivals
USER lens
WORKDIR /var/lib/lens
VOLUME /var/lib/lens
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python3", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["lens"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
