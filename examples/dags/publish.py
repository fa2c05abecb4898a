"""A DAG that publishes a job with the thin client (`pip install tagfleet`) from a plain task.

The id is made from the task instance: when Airflow runs the task again after a crash, it is the same job,
which the fleet has already. TAGFLEET_AMQP_URL is where the fleet's RabbitMQ is.
"""

from __future__ import annotations

import os
import uuid
from datetime import datetime

from airflow.sdk import dag, get_current_context, task


@dag(schedule=None, start_date=datetime(2026, 1, 1), catchup=False, tags=["tagfleet"])
def publish() -> None:
    """Publish one Spark job; which cluster runs it is none of the DAG's business."""

    @task
    def publish_report() -> str:
        from tagfleet.producers.publisher import Publisher

        instance = get_current_context()["ti"]
        name = f"{instance.dag_id}/{instance.run_id}/{instance.task_id}/{instance.map_index}"
        with Publisher(os.environ["TAGFLEET_AMQP_URL"]) as publisher:
            return publisher.publish(
                {
                    "name": "daily-report",
                    "user": "airflow",
                    "version": "1",
                    "tags": [f"dag:{instance.dag_id}"],
                    "commandCriteria": ["type:spark", "ver:3.5"],
                    "clusterCriterias": [{"tags": ["sched:sla", "type:yarn"]}],
                    "commandArgs": ["s3://jobs/report.py", instance.run_id],
                },
                job_id=str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
            )

    publish_report()


publish()
