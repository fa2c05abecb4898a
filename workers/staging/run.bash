#!/usr/bin/env bash
# Runs one job of tagfleet: claims it, fetches its files, sets it up, runs it, and ends as it ends.
# Generated for the job; keeps to what bash 4.2 (Amazon Linux 2) and 3.2 (macOS) know.
#
# TAGFLEET_JOB_ROOT: where the job's folder is made. Default: the current folder, which on EMR is
# the step's own, on the large disk, and is cleaned away by EMR.
set -o errexit -o nounset -o pipefail

#@constants@

tagfleet_folder="${TAGFLEET_JOB_ROOT:-$PWD}/$tagfleet_name"
# Who this is, in the claim: which job, then EMR's id of the step (its folder's name).
tagfleet_token="$tagfleet_birth ${EMR_STEP_ID:-${PWD##*/}} ${HOSTNAME:-} $$ $RANDOM$RANDOM$RANDOM"
tagfleet_job=''
tagfleet_ending=''

tagfleet_say() {
    printf 'tagfleet: %s\n' "$*" >&2
}

# --- The claim: EMR may be given a step twice, and then only one of the two may run the job. ---

tagfleet_claim() {
    case "$tagfleet_claim_uri" in
        s3://*) tagfleet_claim_in_s3 ;;
        *) tagfleet_claim_in_folder "$tagfleet_claim_uri" ;;
    esac
}

tagfleet_stand_down() {
    tagfleet_say "$tagfleet_name is claimed already, by $1; this step runs nothing."
    # The step of another job that had this id, long ago perhaps, says nothing of how this job did.
    [[ "${1%% *}" == "$tagfleet_birth" ]] && exit 0
    tagfleet_say 'That was an earlier job of the same id. Publish this one under a new id.'
    exit 75
}

tagfleet_claim_in_s3() {
    local place="${tagfleet_claim_uri#s3://}" note answer owner pause
    note=$(mktemp)
    printf '%s\n' "$tagfleet_token" > "$note"
    for pause in 1 2 4 8 0; do
        if answer=$(aws s3api put-object --bucket "${place%%/*}" --key "${place#*/}" \
            --body "$note" --if-none-match '*' 2>&1); then
            rm -f "$note"
            return
        fi
        case "$answer" in
            *PreconditionFailed*)
                # The program repeats a call whose answer was lost, and then meets its own claim.
                owner=$(aws s3 cp --only-show-errors "$tagfleet_claim_uri" -) || exit 1
                rm -f "$note"
                [[ "$owner" == "$tagfleet_token" ]] || tagfleet_stand_down "$owner"
                return
                ;;
            *ConditionalRequestConflict*)
                # Another one claims it right now; S3 asks to try again.
                sleep "$pause"
                ;;
            *'Unknown options'*)
                # An aws program from before S3 had conditional writes (August 2024). Both steps of
                # a doubled one run on this machine, so its own disk can tell them apart.
                rm -f "$note"
                tagfleet_say "this aws program knows no conditional writes; claiming on this machine."
                tagfleet_claim_in_folder "${TMPDIR:-/tmp}/tagfleet-claims/${tagfleet_claim_uri##*/}"
                return
                ;;
            *) break ;;
        esac
    done
    rm -f "$note"
    tagfleet_say "$tagfleet_claim_uri cannot be written: $answer"
    exit 1
}

tagfleet_claim_in_folder() {
    mkdir -p "${1%/*}"
    # With noclobber, of any number who write a new file, one succeeds.
    if ! (set -o noclobber && printf '%s\n' "$tagfleet_token" > "$1") 2> /dev/null; then
        [[ ! -e "$1" ]] || tagfleet_stand_down "$(cat "$1")"
        tagfleet_say "$1 cannot be written."
        exit 1
    fi
}

# --- What the job's own process calls. ---

tagfleet_fetch() {
    case "$tagfleet_job_uri" in
        s3://*) aws s3 cp --recursive --only-show-errors "$tagfleet_job_uri/" "$tagfleet_folder/" ;;
        *) cp -R "$tagfleet_job_uri/." "$tagfleet_folder/" ;;
    esac
}

# Every exported variable that bears no name of a secret; without the passwords in addresses.
tagfleet_environment() {
    local name
    shopt -s nocasematch
    compgen -e | LC_ALL=C sort | while IFS= read -r name; do
        if [[ ! "$name" =~ SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|KEY|CREDENTIAL ]]; then
            printf '%s=%q\n' "$name" "${!name-}"
        fi
    done | sed -E 's#://[^/@ ]+@#://***@#g'
    shopt -u nocasematch
}

# --- The end. ---

# Ends all processes of the job, and kills those that take too long.
tagfleet_stop() {
    local tenths
    kill -TERM -- "-$tagfleet_job" 2> /dev/null || return 0
    for ((tenths = tagfleet_grace_seconds * 10; tenths > 0; tenths--)); do
        kill -0 -- "-$tagfleet_job" 2> /dev/null || return 0
        sleep 0.1
    done
    kill -KILL -- "-$tagfleet_job" 2> /dev/null || return 0
}

tagfleet_told_to_end() {
    tagfleet_ending=yes
    if [[ -n "$tagfleet_job" ]]; then
        tagfleet_stop
    fi
}

# Waits for the two that write the job's output, 30 seconds at most: a process that left the job's
# group may hold it open for ever.
tagfleet_drain() {
    local tenths
    for ((tenths = 300; tenths > 0; tenths--)); do
        kill -0 "$tagfleet_out" 2> /dev/null || kill -0 "$tagfleet_err" 2> /dev/null || return 0
        sleep 0.1
    done
    kill -KILL "$tagfleet_out" "$tagfleet_err" 2> /dev/null || return 0
}

# --- The run. ---

trap tagfleet_told_to_end TERM INT HUP
tagfleet_claim
mkdir -p "$tagfleet_folder/genie/logs"

# The job's output goes through two pipes, each to a file and to the step's own. Opened for both
# directions first, because opening a pipe for one waits for the other.
mkfifo "$tagfleet_folder/genie/logs/stdout.pipe" "$tagfleet_folder/genie/logs/stderr.pipe"
exec 3<> "$tagfleet_folder/genie/logs/stdout.pipe" 4<> "$tagfleet_folder/genie/logs/stderr.pipe"
exec 5< "$tagfleet_folder/genie/logs/stdout.pipe" 6> "$tagfleet_folder/genie/logs/stdout.pipe"
exec 7< "$tagfleet_folder/genie/logs/stderr.pipe" 8> "$tagfleet_folder/genie/logs/stderr.pipe"
exec 3>&- 4>&-
rm "$tagfleet_folder/genie/logs/stdout.pipe" "$tagfleet_folder/genie/logs/stderr.pipe"
# They end with the job's last word, not with a signal.
(trap '' TERM INT HUP && exec tee "$tagfleet_folder/stdout") <&5 5<&- 6>&- 7<&- 8>&- &
tagfleet_out=$!
(trap '' TERM INT HUP && exec tee "$tagfleet_folder/stderr") <&7 >&2 5<&- 6>&- 7<&- 8>&- &
tagfleet_err=$!

[[ -z "$tagfleet_ending" ]] || exit 143
# With job control, the job becomes a process group of its own.
set -o monitor
(
    set +o monitor
    trap - TERM INT HUP
    tagfleet_fetch
    cd "$tagfleet_folder"

    #@exports@

    # Not in a function: what a setup file declares would be local to it.
    echo 'The set-up of this job has not come to its end; see genie/logs/setup.log.' \
        > "$tagfleet_folder/genie/setup_failed.txt"
    {
        :
        #@setup@
    } > "$tagfleet_folder/genie/logs/setup.log" 2>&1
    rm "$tagfleet_folder/genie/setup_failed.txt"
    cd "$tagfleet_folder"
    tagfleet_environment > "$tagfleet_folder/genie/logs/env.log"

    #@program@
) < /dev/null >&6 2>&8 5<&- 6>&- 7<&- 8>&- &
tagfleet_job=$!
set +o monitor
exec 5<&- 6>&- 7<&- 8>&-
# A signal that came in between found no job to end.
[[ -z "$tagfleet_ending" ]] || tagfleet_stop

tagfleet_status=0
wait "$tagfleet_job" || tagfleet_status=$?
if [[ -n "$tagfleet_ending" ]]; then
    # The signal ended the waiting; the job's own exit code is still to be had. 127: it was had.
    tagfleet_again=0
    wait "$tagfleet_job" 2> /dev/null || tagfleet_again=$?
    [[ "$tagfleet_again" -eq 127 ]] || tagfleet_status=$tagfleet_again
fi
# A job that has ended leaves no process behind.
tagfleet_stop
tagfleet_drain

if [[ -e "$tagfleet_folder/genie/setup_failed.txt" ]]; then
    tagfleet_say 'the set-up of the job failed; the end of genie/logs/setup.log:'
    tail -n 20 "$tagfleet_folder/genie/logs/setup.log" >&2 || :
    # A setup file that calls `exit 0` has not run the job.
    [[ "$tagfleet_status" -ne 0 ]] || tagfleet_status=1
fi
exit "$tagfleet_status"
