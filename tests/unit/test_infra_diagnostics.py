"""What is told of a failed run of Pulumi."""

import pytest

from manor.infra.diagnostics import told

pytestmark = pytest.mark.unit

CONFLICT = """\

 code: 255
 stdout: Updating (test):
 ~  kubernetes:core/v1:ResourceQuota quota **updating failed** [diff: ~spec]; error: 1 error occurred:
Diagnostics:
  kubernetes:core/v1:ResourceQuota (quota):
    error: 1 error occurred:
    \t* the server reported that "a/quota" failed: field conflict detected
    The resource managed by field manager "manor" had an apply conflict: conflict with "somebody": .spec.hard

  pulumi:pulumi:Stack (manor-any-test):
    warning: using pulumi-resource-kubernetes from $PATH
    error: update failed

    Traceback (most recent call last):
    KeyboardInterrupt

Resources:
    2 errored
 stderr:
"""

PROTECTED = """\
 stdout: Diagnostics:
  kubernetes:core/v1:PersistentVolumeClaim (models):
    error: resource "urn:models" cannot be deleted
    because it is protected. To unprotect the resource, use the command:
    `pulumi state unprotect 'urn:models'`

  kubernetes:core/v1:PersistentVolumeClaim (more):
    error: resource "urn:more" cannot be deleted
    because it is protected.
 stderr: error: update failed
"""


def test_a_conflict_is_told_with_its_writer_and_what_to_do() -> None:
    lines = told(Exception(CONFLICT)).splitlines()
    assert lines[:2] == [
        'the server reported that "a/quota" failed: field conflict detected',
        'The resource managed by field manager "manor" had an apply conflict: conflict with "somebody": .spec.hard',
    ]
    assert "pulumi config set force true" in lines[2]
    assert len(lines) == 3


def test_everything_protected_is_told_with_what_to_do_once() -> None:
    text = told(Exception(PROTECTED))
    assert 'resource "urn:models" cannot be deleted\nbecause it is protected.' in text
    assert "`pulumi state unprotect 'urn:models'`" in text
    assert 'resource "urn:more" cannot be deleted' in text
    assert text.count("deleteData") == 1
    assert "update failed" not in text


def test_a_failure_before_anything_is_told_alone() -> None:
    text = "\n code: 1\n stdout: \n stderr: error: validating stack config: Stack 'test' is missing a value\n"
    assert told(Exception(text)) == "validating stack config: Stack 'test' is missing a value"


def test_without_an_error_the_last_lines_are_told() -> None:
    assert told(Exception("one\n\ntwo\nthree\nfour\n")) == "two\nthree\nfour"
