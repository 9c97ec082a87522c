"""Start of the predictor: ``python -m kfp_lifecycle.serving --model_name NAME --model_dir DIR --http_port PORT``."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from typing import Any

from kfp_lifecycle.serving.arguments import Arguments, parse_arguments
from kfp_lifecycle.serving.quiet_logs import set_up_logs

logger = logging.getLogger("kfp_lifecycle.serving")

# Seconds after which a thread that computes has to let another run. Python's 5 ms would hold up the event loop for
# as long as a whole prediction takes.
_SWITCH_INTERVAL = 0.0005


def _limit_native_threads() -> None:
    """One native thread per prediction, unless the environment says otherwise.

    A team of OpenMP threads costs more than a request's few rows are worth, and the pod's limit is often one CPU.
    The libraries read this when they are loaded, so it stands before their import.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def _prepare_thread() -> None:
    import sklearn

    # scikit-learn keeps its configuration per thread. The parameters were checked when the model was fitted.
    sklearn.set_config(skip_parameter_validation=True)


def _exchange(arguments: Arguments) -> Any:
    """The model, verified, loaded and proved on its own example.

    Raises:
        ValueError: any of the three failed; the message names the file.
        Exception: whatever skops or the estimator raises.
    """
    from kfp_lifecycle.core.model import load_model, load_signature

    estimator = load_model(arguments.model_dir, arguments.digest)
    import orjson

    from kfp_lifecycle.serving.exchange import Exchange
    from kfp_lifecycle.serving.far_values import training_ranges
    from kfp_lifecycle.serving.self_test import prove

    exchange = Exchange(
        name=arguments.model_name,
        version=arguments.version,
        estimator=estimator,
        signature=load_signature(arguments.model_dir),
        output=arguments.output,
        checked=arguments.input_checks,
        decode=orjson.loads,
        encode=orjson.dumps,
        rows_at_once=arguments.rows_at_once,
        ranges=training_ranges(arguments.model_dir),
    )
    prove(exchange, arguments.model_dir)
    return exchange


def _open_log(arguments: Arguments, exchange: Any) -> None:
    """Log what is answered from now on, if that is asked for.

    Raises:
        ValueError: the settings and the model do not go together.
    """
    if arguments.payload_log is None:
        return
    from kfp_lifecycle.serving.payload_log import open_payload_log
    from kfp_lifecycle.serving.payload_log_metrics import PayloadLogMetrics
    from kfp_lifecycle.serving.payload_log_settings import check_columns_of_log

    check_columns_of_log(arguments.payload_log, exchange.signature)
    exchange.log = open_payload_log(
        arguments.payload_log,
        service=arguments.model_name,
        version=arguments.version,
        signature=exchange.signature,
        estimator=exchange.estimator,
        predict=exchange.predict,
        queue_rows=arguments.payload_log_queue_rows,
        part_rows=arguments.payload_log_part_rows,
        megabytes=arguments.payload_log_megabytes,
        prepare=_prepare_thread,
    )
    PayloadLogMetrics(arguments.model_name, arguments.version, exchange.log.counts)


def main() -> int:
    """Serve one model until SIGTERM; 1 when it must not or cannot be served, with the reason as the last line."""
    set_up_logs()
    try:
        arguments = parse_arguments(sys.argv[1:])
        _limit_native_threads()
        exchange = _exchange(arguments)
        _open_log(arguments, exchange)
    except Exception as error:  # noqa: BLE001 - whatever a model does on loading, the last line says that it was it
        if not isinstance(error, ValueError):
            traceback.print_exc()
        print(f"kfp-lifecycle-serve: cannot serve: {error or type(error).__name__}", file=sys.stderr, flush=True)
        return 1
    # KServe parses the command line at import and knows neither our words nor our choices.
    sys.argv[1:] = ["--configure_logging=false"]
    from kfp_lifecycle.serving.prediction_threads import PredictionThreads
    from kfp_lifecycle.serving.server import serve

    sys.setswitchinterval(_SWITCH_INTERVAL)
    threads = PredictionThreads(exchange.answer, threads=arguments.threads, prepare=_prepare_thread)
    logger.info(
        "serving model %r version %s at %s:%d",
        arguments.model_name,
        arguments.version,
        arguments.host,
        arguments.http_port,
    )
    serve(arguments, exchange, threads)
    return 0


if __name__ == "__main__":
    sys.exit(main())
