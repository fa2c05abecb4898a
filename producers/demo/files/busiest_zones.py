"""The busiest pick-up zones of a day: reads trips as CSV, writes a table as Parquet, prints it."""

import os
import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

source, target = sys.argv[1:3]
spark = SparkSession.builder.appName("busiest zones").getOrCreate()
trips = spark.read.csv(source, header=True, inferSchema=True)
zones = (
    trips.groupBy("zone")
    .agg(f.count("*").alias("trips"), f.round(f.avg("fare"), 2).alias("average_fare"))
    .orderBy(f.desc("trips"))
)
zones.write.mode("overwrite").parquet(target)
print(f"Report of {os.environ.get('REPORT_TITLE', '(no title: the setup file was not sourced)')}")
for zone in spark.read.parquet(target).orderBy(f.desc("trips")).collect():
    print(f"{zone.zone:<16} {zone.trips:>5} trips  {zone.average_fare:>6} average fare")
spark.stop()
