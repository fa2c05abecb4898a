# Sourced on the cluster before the command runs, because the application `report-tools` names it.
export REPORT_TITLE="the city's taxi trips"
